package switching_test

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// networks are the ways to the server.
func networks(tb testing.TB, w *world) []network {
	tb.Helper()
	return append([]network{{"loopback", nil}}, delayed(tb, w)...)
}

type network struct {
	name string
	dial func(pgconn.DialFunc) pgconn.DialFunc
}

// settings of the benchmark, from the environment.
type settings struct {
	size
	goroutines int // at most
	rounds     int
	turn       time.Duration
	only       []string // the variants to compare, besides the baseline; all if there are none
}

func readSettings(tb testing.TB) settings {
	tb.Helper()
	number := func(name string, otherwise int) int {
		text := os.Getenv("TENANCY_BENCH_" + name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			tb.Fatalf("TENANCY_BENCH_%s must be a positive number", name)
		}
		return n
	}
	s := settings{goroutines: number("GOROUTINES", 16), rounds: number("ROUNDS", 21), turn: time.Duration(number("TURN", 100)) * time.Millisecond}
	if text := os.Getenv("TENANCY_BENCH_ONLY"); text != "" {
		s.only = strings.Split(text, ",")
	}
	s.tenants, s.rows, s.databases = number("TENANTS", 1000), number("ROWS", 100), number("DATABASES", 4)
	s.schemas = number("SCHEMAS", s.tenants)
	if s.rows < listed || s.schemas > s.tenants || s.databases > s.tenants {
		tb.Fatalf("a tenant needs %d rows, and every schema and database a tenant", listed)
	}
	return s
}

// BenchmarkSwitching compares the variants and prints the tables of
// docs/benchmarks.md. It reports the medians of the rounds' ratios to plain
// ent, which is what stays the same on a busy machine. One iteration is
// TENANCY_BENCH_ROUNDS rounds (21), in which each variant has a turn of
// TENANCY_BENCH_TURN milliseconds (100). TENANCY_BENCH_TENANTS (1000), _ROWS of
// each (100), _SCHEMAS (one for each tenant) and _DATABASES (4) say how much
// data there is. TENANCY_BENCH_ONLY (rls,shared) leaves variants out.
func BenchmarkSwitching(b *testing.B) {
	s := readSettings(b)
	w := newWorld(b, s.size)
	for _, network := range networks(b, w) {
		b.Run(network.name, func(b *testing.B) {
			printf("\n%s: %s\n", network.name, ping(b, &site{world: w, dial: network.dial}))
			for _, goroutines := range []int{1, s.goroutines} {
				b.Run(strconv.Itoa(goroutines), func(b *testing.B) {
					site := &site{w, min(goroutines, w.freeConnections(b)/s.pools()), network.dial}
					if site.connections < 1 {
						b.Fatalf("the server has no room for %d connections", s.pools())
					}
					benchmarkSite(b, s, site, network.name)
				})
			}
		})
	}
}

// benchmarkSite prints the tables of one site: the times, and where nothing
// else is in the way the allocations.
func benchmarkSite(b *testing.B, s settings, site *site, network string) {
	b.Helper()
	variants := s.chosen(b, site.open(b))
	var times, memory, processors []column
	visited := map[string]bool{}
	for _, op := range operations() {
		b.Run(op.name, func(b *testing.B) {
			c := &contest{site, variants, op}
			for _, visit := range op.visits() {
				if visited[visit.name] {
					continue
				}
				if err := (&contest{site, variants, visit}).visit(b.Context()); err != nil {
					b.Fatal(err)
				}
				visited[visit.name] = true
			}
			times = replace(times, compare(b, s, c))
			if network == "loopback" && site.connections == 1 {
				memory = replace(memory, c.allocations(b))
			}
			if network == "loopback" && site.connections > 1 {
				processors = replace(processors, c.processorTimes(b, s.rounds))
			}
		})
	}
	if len(times) > 0 {
		title := fmt.Sprintf("%s, goroutines and connections: %d", network, site.connections)
		printf("\n%s", markdown(title, variants, times))
	}
	if len(processors) > 0 && processors[0].title != "" {
		printf("\n%s", markdown("processor time in µs, server + client", variants, processors))
	}
	if len(memory) > 0 {
		printf("\n%s", markdown("allocations (bytes)", variants, append(tripColumns(variants), memory...)))
	}
}

// pools is how many pools the variants to compare have at most.
func (s settings) pools() int {
	if len(s.only) == 0 {
		return pools
	}
	return len(s.only) + 2 // that of the baseline, and that of tenants' databases
}

// chosen are the variants to compare, of which the baseline is the first.
func (s settings) chosen(tb testing.TB, all []variant) []variant {
	tb.Helper()
	if len(s.only) == 0 {
		return all
	}
	kept := slices.DeleteFunc(all, func(v variant) bool { return v.name != baseline && !slices.Contains(s.only, v.name) })
	if len(kept) != 1+len(s.only) {
		tb.Fatalf("TENANCY_BENCH_ONLY: some of %q are no variants", s.only)
	}
	return kept
}

// compare runs b.N times as many rounds as the settings say.
func compare(b *testing.B, s settings, c *contest) column {
	b.Helper()
	round := func(d time.Duration) []float64 {
		took, err := c.round(b.Context(), d)
		if err != nil {
			b.Fatal(err)
		}
		return took
	}
	round(2 * s.turn) // prepares the statements
	times, ratios := make([][]float64, len(c.variants)), make([][]float64, len(c.variants))
	b.ResetTimer()
	for range b.N * s.rounds {
		took := round(s.turn)
		for i, ns := range took {
			times[i] = append(times[i], ns)
			ratios[i] = append(ratios[i], ns/took[0]) // the baseline comes first
		}
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op") // a round's time says nothing
	col := column{title: c.operation.name}
	for i, v := range c.variants {
		if i > 0 {
			b.ReportMetric(quantile(ratios[i], .5), metric(v.name))
		}
		col.cells = append(col.cells, timeCell(quantile(times[i], .5), ratios[i], i == 0, c.connections))
	}
	return col
}

func replace(columns []column, c column) []column {
	if n := len(columns); n > 0 && columns[n-1].title == c.title {
		columns = columns[:n-1]
	}
	return append(columns, c)
}

// ping says how long a round trip takes.
func ping(b *testing.B, s *site) string {
	b.Helper()
	conn, err := pgx.ConnectConfig(b.Context(), s.config(b, s.app))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close(b.Context()) }()
	var took []float64
	for range 500 {
		start := time.Now()
		if err := conn.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
		took = append(took, float64(time.Since(start)))
	}
	return fmt.Sprintf("a ping takes %.0f µs, nine of ten between %.0f and %.0f µs",
		quantile(took, .5)/1000, quantile(took, .05)/1000, quantile(took, .95)/1000)
}
