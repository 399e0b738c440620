package bench_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// turn is about how long a variant runs before it is another one's turn: long
// enough for the clock and for a share of the garbage collector's work, short
// enough that the machine is the same for all variants of a round.
const turn = time.Millisecond

// result is what one variant needed for one operation.
type result struct {
	ns, ratio     float64 // medians; the ratio is to the baseline of the same round
	allocs, bytes uint64
}

// row is one operation on one backend: the results by variant.
type row struct {
	operation string
	results   []result
}

// BenchmarkTable compares the variants and prints the tables of
// docs/benchmarks.md. One iteration is one round: each variant has its turn,
// in random order. It reports the medians of the rounds' ratios to the
// hand-written predicate, which is what stays the same on a busy machine.
func BenchmarkTable(b *testing.B) {
	for _, backend := range backends() {
		var rows []row
		b.Run(backend, func(b *testing.B) {
			for _, op := range operations() {
				b.Run(op.name, func(b *testing.B) {
					rows = replace(rows, row{op.name, compare(b, backend, op)})
				})
			}
		})
		if len(rows) > 0 {
			_, _ = os.Stdout.WriteString("\n" + markdown(backend, rows) + "\n")
		}
	}
}

// replace appends r, instead of what a shorter run of the same operation found.
func replace(rows []row, r row) []row {
	if n := len(rows); n > 0 && rows[n-1].operation == r.operation {
		rows = rows[:n-1]
	}
	return append(rows, r)
}

// compare runs b.N rounds of an operation.
func compare(b *testing.B, backend string, op operation) []result {
	b.Helper()
	all := variants()
	results, benches := make([]result, len(all)), make([]*bench, len(all))
	for i, v := range all {
		benches[i] = newBench(b, backend, op, v)
		results[i].allocs, results[i].bytes = memory(b, benches[i])
	}
	size := turnSize(b, benches)
	times, ratios := make([][]float64, len(all)), make([][]float64, len(all))
	b.ResetTimer()
	for range b.N {
		round := playRound(b, benches, size)
		for i, ns := range round {
			times[i] = append(times[i], ns)
			ratios[i] = append(ratios[i], ns/round[baselineIndex(all)])
		}
	}
	b.StopTimer()
	for i, v := range all {
		results[i].ns, results[i].ratio = median(times[i]), median(ratios[i])
		if v.name != baseline {
			b.ReportMetric(results[i].ratio, v.name+"/"+baseline)
		}
	}
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	return results
}

func baselineIndex(all []variant) int {
	return slices.IndexFunc(all, func(v variant) bool { return v.name == baseline })
}

// turnSize returns how many runs the baseline does in a turn.
func turnSize(b *testing.B, benches []*bench) int {
	b.Helper()
	o := benches[baselineIndex(variants())]
	for n := 1; ; n *= 2 {
		if took := timed(b, o, n); took > turn/2 {
			return n
		}
	}
}

// playRound gives every variant a turn and returns what one run took, in
// nanoseconds.
func playRound(b *testing.B, benches []*bench, size int) []float64 {
	b.Helper()
	round := make([]float64, len(benches))
	for _, i := range rand.Perm(len(benches)) {
		round[i] = float64(timed(b, benches[i], size)) / float64(size)
	}
	return round
}

func timed(b *testing.B, o *bench, n int) time.Duration {
	b.Helper()
	o.prepare(b, n)
	start := time.Now()
	err := o.batch(n)
	took := time.Since(start)
	if err != nil {
		b.Fatal(err)
	}
	return took
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// markdown writes the two tables of a backend: the times, as ratios to the
// baseline's, and the allocations and their bytes.
func markdown(backend string, rows []row) string {
	var times, memory strings.Builder
	names := make([]string, 0, len(variants()))
	for _, v := range variants() {
		names = append(names, v.name)
	}
	header(&times, backend+", time", append([]string{baseline + ", µs"}, names...))
	header(&memory, backend+", allocations (bytes)", names)
	base := baselineIndex(variants())
	for _, r := range rows {
		fmt.Fprintf(&times, "| %s | %.1f |", r.operation, r.results[base].ns/1000)
		fmt.Fprintf(&memory, "| %s |", r.operation)
		for _, v := range r.results {
			fmt.Fprintf(&times, " %.2f |", v.ratio)
			fmt.Fprintf(&memory, " %d (%d) |", v.allocs, v.bytes)
		}
		times.WriteByte('\n')
		memory.WriteByte('\n')
	}
	return times.String() + "\n" + memory.String()
}

func header(t *strings.Builder, first string, columns []string) {
	fmt.Fprintf(t, "| %s | %s |\n", first, strings.Join(columns, " | "))
	fmt.Fprintf(t, "|---|%s\n", strings.Repeat("--:|", len(columns)))
}
