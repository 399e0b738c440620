package noninterference

import (
	"context"
	"sync/atomic"

	"pgregory.net/rapid"
)

// Property is one wording of the property, for rapid to check with programs in
// a place of a cell. It adds the operations that were done to done.
type Property func(ctx context.Context, cell Cell, place *Place, done *atomic.Int64) func(*rapid.T)

// Interleaved is the property with all tenants' steps one after the other:
// whatever happens, each tenant's answers are those of its model.
func Interleaved(ctx context.Context, cell Cell, place *Place, done *atomic.Int64) func(*rapid.T) {
	faults := []faultKind{cancelBefore, cancelAt, cancelAfter}
	if place.Kill != nil {
		faults = append(faults, killAt)
	}
	generator := sequences(cell, faults, place.Kill != nil)
	return func(t *rapid.T) {
		check(ctx, t, cell, place, done, func(r *run) error { return r.sequential(generator.Draw(t, "program")) })
	}
}

// Concurrent is the property with each tenant on a goroutine of its own.
func Concurrent(ctx context.Context, cell Cell, place *Place, done *atomic.Int64) func(*rapid.T) {
	generator := programs(operations(cell), []faultKind{cancelBefore, cancelAt, cancelAfter, cancelDuring, cancelDuring}, place.Kill != nil)
	return func(t *rapid.T) {
		check(ctx, t, cell, place, done, func(r *run) error { return r.parallel(generator.Draw(t, "program")) })
	}
}

// Alone is the property without a model: what a tenant is told when it is
// alone is, byte for byte, what it is told among others.
func Alone(ctx context.Context, cell Cell, place *Place, done *atomic.Int64) func(*rapid.T) {
	generator := sequences(cell, []faultKind{cancelBefore}, false)
	return func(t *rapid.T) {
		p := generator.Draw(t, "program")
		transcript := func(p program) string {
			r := check(ctx, t, cell, place, done, func(r *run) error { return r.sequential(p) })
			return r.transcript(0)
		}
		if alone, among := transcript(p.of(0)), transcript(p); alone != among {
			t.Fatalf("alone it was told\n%s\nand among others\n%s", alone, among)
		}
	}
}

// check fails t if a run does.
func check(ctx context.Context, t *rapid.T, cell Cell, place *Place, done *atomic.Int64, do func(*run) error) *run {
	r, err := newRun(ctx, cell, place)
	if err != nil {
		t.Fatal(err)
	}
	err = do(r)
	done.Add(r.steps.Load())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// sequences generates programs whose steps can be done one after the other.
func sequences(cell Cell, faults []faultKind, kills bool) *rapid.Generator[program] {
	generator := programs(operations(cell), faults, kills)
	if cell.OneWriter {
		return rapid.Map(generator, program.serial)
	}
	return generator
}
