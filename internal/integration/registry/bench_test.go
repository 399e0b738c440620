package registry_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// benchTenants is how many tenants the large registry of the benchmark has.
// TENANCY_BENCH_TENANTS=1000000 takes about two minutes to fill.
func benchTenants(b *testing.B) int {
	b.Helper()
	text := os.Getenv("TENANCY_BENCH_TENANTS")
	if text == "" {
		return 20_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("TENANCY_BENCH_TENANTS: %v", err)
	}
	return n
}

// BenchmarkSize compares a registry of a thousand tenants on PostgreSQL with a
// large one, call by call: "x/1000" is how many times as long it takes.
func BenchmarkSize(b *testing.B) {
	const small = 1000
	large := benchTenants(b)
	stores := map[int]*registry.EntStore{}
	for _, n := range []int{small, large} {
		db := postgres().empty(b)
		store, err := registry.NewEntStore(db.driver, registry.EntConfig{})
		if err != nil {
			b.Fatal(err)
		}
		if err := store.Init(b.Context()); err != nil {
			b.Fatal(err)
		}
		fillPostgres(b, db, n)
		stores[n] = store
	}
	for _, op := range benchOperations() {
		took := map[int]float64{}
		for _, n := range []int{small, large} {
			b.Run(fmt.Sprintf("%s/%d", op.name, n), func(b *testing.B) {
				call := op.prepare(b, stores[n], n)
				for b.Loop() {
					call()
				}
				took[n] = float64(b.Elapsed().Nanoseconds()) / float64(b.N)
				if n == large {
					b.ReportMetric(took[large]/took[small], "x/1000")
				}
			})
		}
	}
}

type benchOperation struct {
	name    string
	prepare func(b *testing.B, s registry.Store, n int) (call func())
}

func benchOperations() []benchOperation {
	list := func(q registry.Query, share float64) func(*testing.B, registry.Store, int) func() {
		return func(b *testing.B, s registry.Store, n int) func() {
			b.Helper()
			if share > 0 {
				at, err := s.ByID(b.Context(), tenancy.ID(fmt.Sprintf("id-%07d", int(share*float64(n)))))
				if err != nil {
					b.Fatal(err)
				}
				q.After = q.CursorAfter(at)
			}
			return func() { mustBench(b)(s.List(b.Context(), q)) }
		}
	}
	search := func(text func(n int) string) func(*testing.B, registry.Store, int) func() {
		return func(b *testing.B, s registry.Store, n int) func() {
			b.Helper()
			return func() { mustBench(b)(s.Search(b.Context(), text(n), 20)) }
		}
	}
	newest := registry.Query{Order: registry.OrderNewest, Limit: 20}
	return []benchOperation{
		{"lookup", func(b *testing.B, s registry.Store, n int) func() {
			b.Helper()
			identifier := fmt.Sprintf("tenant-%07d", n/2)
			return func() { mustBench(b)(s.ByIdentifier(b.Context(), identifier)) }
		}},
		{"page/first", list(registry.Query{Limit: 20}, 0)},
		{"page/half-way", list(registry.Query{Limit: 20}, 0.5)},
		{"page/near-the-end", list(registry.Query{Limit: 20}, 0.95)},
		{"page/newest-half-way", list(newest, 0.5)},
		{"page/active-half-way", list(registry.Query{Limit: 20, Status: tenancy.StatusActive}, 0.5)},
		{"page/suspended-half-way", list(registry.Query{Limit: 20, Status: tenancy.StatusSuspended}, 0.5)},
		{"search/of-one", search(func(n int) string { return nameOf(n / 2)[10:20] })},
		{"search/of-one-number", search(func(n int) string { return fmt.Sprintf("%07d", n/2) })}, // of which others have all parts
		{"search/of-all", search(func(int) string { return "tenant" })},
		{"search/in-all", search(func(int) string { return "of ten" })},
		{"search/of-none", search(func(int) string { return "no such tenant" })},
	}
}

func mustBench(b *testing.B) func(any, error) {
	b.Helper()
	return func(_ any, err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
}
