package noninterference_test

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entgo.io/ent/dialect"
	"pgregory.net/rapid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/noninterference"
)

// leakingCells are ways not to keep tenants apart, each of which the property
// has to find out.
func leakingCells() []noninterference.Cell {
	return []noninterference.Cell{
		// Only a database holds SQL that is written by hand.
		{Name: "SQL by hand on shared tables", OneWriter: true, Open: sqliteShared},
		{Name: "one table without policy", Open: func(tb testing.TB) *noninterference.Place {
			tb.Helper()
			place, admin := postgresPlace(tb, tenancy.IsolationRLS)
			_, err := admin.ExecContext(tb.Context(), "ALTER TABLE users DISABLE ROW LEVEL SECURITY")
			must(tb, err)
			return place
		}},
		{Name: "all tenants in one schema", Open: func(tb testing.TB) *noninterference.Place {
			tb.Helper()
			place := inPostgres(tenancy.IsolationSchema)(tb)
			for i := range place.Tenants {
				place.Tenants[i].Placement = place.Tenants[0].Placement
			}
			return place
		}},
		{Name: "the place of the tenant before", NoRawSQL: true, Open: func(tb testing.TB) *noninterference.Place {
			tb.Helper()
			place := inPostgres(tenancy.IsolationSchema)(tb)
			leaking, reset := &stale{Driver: place.Driver}, place.Reset
			place.Driver = leaking
			place.Reset = func(ctx context.Context) error {
				leaking.last = nil // a program fails in the same way when it is run again
				return reset(ctx)
			}
			return place
		}},
	}
}

// stale is a driver that has a query find its place by the context of the last
// statement of another kind, as if that had left something on its connection.
type stale struct {
	dialect.Driver
	mu   sync.Mutex
	last context.Context // That it is kept is the mistake.
}

func (s *stale) Exec(ctx context.Context, query string, args, v any) error {
	s.mu.Lock()
	s.last = context.WithoutCancel(ctx)
	s.mu.Unlock()
	return s.Driver.Exec(ctx, query, args, v)
}

func (s *stale) Query(ctx context.Context, query string, args, v any) error {
	s.mu.Lock()
	last := s.last //nolint:contextcheck // That it is another's is the mistake.
	s.mu.Unlock()
	if last == nil {
		last = ctx
	}
	return s.Driver.Query(last, query, args, v)
}

// TestItBites shows that the property does not hold where tenants leak, and
// how little it then takes to show it.
func TestItBites(t *testing.T) {
	set(t, "rapid.checks", "100")
	set(t, "rapid.steps", "15")
	set(t, "rapid.shrinktime", "5s")
	for _, cell := range leakingCells() {
		t.Run(cell.Name, func(t *testing.T) {
			place := cell.Open(t)
			t.Parallel()
			var done atomic.Int64
			const found = "[rapid] failed after"
			report := ""
			for range 10 { // by chance a program may not come upon it
				if report = failure(noninterference.Interleaved(t.Context(), cell, place, &done)); strings.Contains(report, found) {
					break
				}
			}
			if !strings.Contains(report, found) {
				t.Fatalf("%d operations did not find the leak: %s", done.Load(), report)
			}
			t.Log(report)
		})
	}
}

// set changes a flag of rapid's until the test is over. No other test runs beside it.
func set(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	must(t, flag.Set(name, value))
	t.Cleanup(func() { _ = flag.Set(name, before) })
}

// failure returns what rapid reports of a property, and nothing if it holds.
func failure(property func(*rapid.T)) string {
	r := new(recorder)
	var wg sync.WaitGroup
	wg.Go(func() { rapid.Check(r, property) })
	wg.Wait()
	return r.report.String()
}

// recorder is a test that only takes down how it fails.
type recorder struct {
	report strings.Builder
	failed bool
}

func (r *recorder) Helper()                           {}
func (r *recorder) Name() string                      { return "TestItBites" }
func (r *recorder) Logf(format string, args ...any)   { r.Log(fmt.Sprintf(format, args...)) }
func (r *recorder) Log(args ...any)                   { r.note(args) }
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }
func (r *recorder) Error(args ...any)                 { r.failed = true; r.note(args) }
func (r *recorder) Fatalf(format string, args ...any) { r.Fatal(fmt.Sprintf(format, args...)) }
func (r *recorder) Fatal(args ...any)                 { r.Error(args...); runtime.Goexit() }
func (r *recorder) FailNow()                          { r.failed = true; runtime.Goexit() }
func (r *recorder) Fail()                             { r.failed = true }
func (r *recorder) Failed() bool                      { return r.failed }
func (r *recorder) Skipf(string, ...any)              { runtime.Goexit() }
func (r *recorder) Skip(...any)                       { runtime.Goexit() }
func (r *recorder) SkipNow()                          { runtime.Goexit() }

func (r *recorder) note(args []any) {
	if text := fmt.Sprint(args...); !strings.HasPrefix(text, "[rapid] OK") {
		r.report.WriteString(text + "\n")
	}
}
