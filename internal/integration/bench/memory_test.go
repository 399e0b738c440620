package bench_test

import (
	"runtime"
	"testing"
)

// memory returns the allocations of one run, and their bytes. It counts as
// testing.AllocsPerRun does, which has no bytes: on one processor, after a
// run that fills what is filled once.
func memory(tb testing.TB, o *bench) (allocs, bytes uint64) {
	tb.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 20
	o.prepare(tb, 1)
	if err := o.batch(1); err != nil {
		tb.Fatal(err)
	}
	o.prepare(tb, runs)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := o.batch(runs)
	runtime.ReadMemStats(&after)
	if err != nil {
		tb.Fatal(err)
	}
	return (after.Mallocs - before.Mallocs) / runs, (after.TotalAlloc - before.TotalAlloc) / runs
}

// TestQueryAllocations holds the aim of the library's queries: never more
// allocations than the predicate written by hand. On the stub their number is
// exact, so that this does not depend on the machine.
func TestQueryAllocations(t *testing.T) {
	for _, op := range operations() {
		if !op.query {
			continue
		}
		t.Run(op.name, func(t *testing.T) {
			allocs := make(map[string]uint64)
			for _, v := range variants() {
				allocs[v.name], _ = memory(t, newBench(t, onStub, op, v))
			}
			if allocs[library] > allocs[baseline] {
				t.Errorf("%d allocations, %d with the predicate written by hand", allocs[library], allocs[baseline])
			}
		})
	}
}
