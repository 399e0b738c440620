package driver_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// home is a dialect.Driver that writes down what reaches it.
type home struct {
	fail error
	got  []string
	ctx  context.Context // of the last
}

func (*home) Dialect() string { return dialect.Postgres }
func (*home) Close() error    { return nil }
func (*home) Commit() error   { return nil }
func (*home) Rollback() error { return nil }

func (h *home) note(ctx context.Context, query string) error {
	h.got, h.ctx = append(h.got, query), ctx
	return h.fail
}

func (h *home) Exec(ctx context.Context, query string, _, _ any) error { return h.note(ctx, query) }

func (h *home) Query(ctx context.Context, query string, _, _ any) error { return h.note(ctx, query) }

func (h *home) ExecContext(ctx context.Context, query string, _ ...any) (sql.Result, error) {
	return nil, h.note(ctx, query)
}

func (h *home) QueryContext(ctx context.Context, query string, _ ...any) (*sql.Rows, error) {
	return nil, h.note(ctx, query)
}

func (h *home) Tx(ctx context.Context) (dialect.Tx, error) { return h, h.note(ctx, "BEGIN") }

func (h *home) BeginTx(ctx context.Context, _ *sql.TxOptions) (dialect.Tx, error) {
	return h, h.note(ctx, "BEGIN")
}

type told struct{}

// notes is an observer that writes down what it is told.
type notes struct {
	tenancy.NopObserver
	started []tenancy.StatementStart
	ended   []tenancy.StatementEnd
	systems []string
	strange int                                   // ends whose context is not that of their start
	next    func(context.Context) context.Context // what StatementStart returns; nil for a marked ctx
}

func (n *notes) StatementStart(ctx context.Context, s tenancy.StatementStart) context.Context {
	n.started = append(n.started, s)
	if n.next != nil {
		return n.next(ctx)
	}
	return context.WithValue(ctx, told{}, true)
}

func (n *notes) StatementEnd(ctx context.Context, e tenancy.StatementEnd) {
	n.ended = append(n.ended, e)
	if ctx.Value(told{}) == nil {
		n.strange++
	}
}

func (n *notes) SystemScope(_ context.Context, s *tenancy.Scope) {
	n.systems = append(n.systems, s.Reason())
}

// operations returns the operations that ended.
func (n *notes) operations() []tenancy.Operation {
	var all []tenancy.Operation
	for _, e := range n.ended {
		all = append(all, e.Start.Operation)
	}
	return all
}

func observed(tb testing.TB, h *home, o driver.Observer) *driver.Driver {
	tb.Helper()
	d, err := driver.New(h, driver.Config{Observer: o})
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func ofTenant(tb testing.TB, id tenancy.ID) context.Context {
	tb.Helper()
	return tenancy.NewContext(tb.Context(), tenancy.Tenant{ID: id})
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// everything does all that a driver can be asked to, outside of a transaction
// and in one.
func everything(ctx context.Context, tb testing.TB, d *driver.Driver) {
	tb.Helper()
	each := func(on dialect.ExecQuerier) {
		must(tb, on.Exec(ctx, "UPDATE", nil, nil))
		must(tb, on.Query(ctx, `SELECT * FROM "tenancy_tenant"."orders"`, nil, nil))
		raw := on.(interface { //nolint:forcetypeassert // it is what is tested
			ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
			QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		})
		_, err := raw.ExecContext(ctx, "DELETE")
		must(tb, err)
		_, err = raw.QueryContext(ctx, "VALUES") //nolint:rowserrcheck,sqlclosecheck // there are none
		must(tb, err)
	}
	each(d)
	tx, err := d.Tx(ctx)
	must(tb, err)
	each(tx)
	must(tb, tx.Commit())
	must(tb, tx.Rollback()) // as a deferred one does
	tx, err = d.BeginTx(ctx, nil)
	must(tb, err)
	must(tb, tx.Rollback())
}

func TestObserverIsToldOfEachStatementOnce(t *testing.T) {
	t.Parallel()
	h, n := &home{}, &notes{}
	everything(ofTenant(t, "acme"), t, observed(t, h, n))

	const exec, query = tenancy.OperationExec, tenancy.OperationQuery
	want := []tenancy.Operation{
		exec, query, exec, query,
		tenancy.OperationBegin, exec, query, exec, query, tenancy.OperationCommit,
		tenancy.OperationBegin, tenancy.OperationRollback,
	}
	if got := n.operations(); !slices.Equal(got, want) {
		t.Errorf("it was told of %q, want %q", got, want)
	}
	if n.strange > 0 {
		t.Errorf("%d ends have another context than the start returned", n.strange)
	}
	for i, e := range n.ended {
		if e.Start != n.started[i] || e.Err != nil || e.Took < 0 {
			t.Errorf("the end does not belong to its start: %+v", e)
		}
		if e.Start.Scope.TenantID() != "acme" || e.Start.Isolation != tenancy.IsolationShared {
			t.Errorf("%s: told of %q, %q", e.Start.Operation, e.Start.Scope.TenantID(), e.Start.Isolation)
		}
	}
	if got := n.started[1].SQL; got != `SELECT * FROM "orders"` {
		t.Errorf("it was told of the text %q", got)
	}
	if h.ctx.Value(told{}) == nil {
		t.Error("the context of StatementStart did not reach the database")
	}
	if len(n.systems) > 0 {
		t.Errorf("it was told of System scopes: %q", n.systems)
	}
}

func TestObserverIsToldTheErrorOfTheCaller(t *testing.T) {
	t.Parallel()
	h, n := &home{fail: errors.New("no")}, &notes{}
	d := observed(t, h, n)
	ctx := ofTenant(t, "acme")
	errs := []error{d.Exec(ctx, "UPDATE", nil, nil), d.Query(ctx, "SELECT", nil, nil)}
	if _, err := d.Tx(ctx); true {
		errs = append(errs, err)
	}
	for i, err := range errs {
		if !errors.Is(err, h.fail) || !errors.Is(n.ended[i].Err, err) {
			t.Errorf("the caller got %v, and the observer %v", err, n.ended[i].Err)
		}
	}
}

func TestObserverIsToldOfWhatIsRefused(t *testing.T) {
	t.Parallel()
	h, n := &home{}, &notes{}
	d := observed(t, h, n)
	if err := d.Exec(t.Context(), "UPDATE", nil, nil); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Fatal(err)
	}
	rls := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "elsewhere", Isolation: tenancy.IsolationRLS})
	if err := d.Exec(rls, "UPDATE", nil, nil); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Fatal(err)
	}
	if len(n.started) > 0 {
		t.Errorf("it was told of %+v, which has no place", n.started)
	}

	tx, err := d.Tx(ofTenant(t, "acme"))
	must(t, err)
	if err := tx.Exec(ofTenant(t, "other"), "UPDATE", nil, nil); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Fatal(err)
	}
	last := n.ended[len(n.ended)-1]
	if last.Start.Scope.TenantID() != "other" || !errors.Is(last.Err, tenancy.ErrCrossTenant) {
		t.Errorf("it was told of %q, %v", last.Start.Scope.TenantID(), last.Err)
	}
	if want := []string{"BEGIN"}; !slices.Equal(h.got, want) {
		t.Errorf("%q was sent, want %q", h.got, want)
	}
}

func TestObserverIsToldOfASystemScopeOnce(t *testing.T) {
	t.Parallel()
	n := &notes{}
	d := observed(t, &home{}, n)
	ctx := tenancy.System(t.Context(), "monthly report")
	everything(ctx, t, d)
	everything(tenancy.Detach(ctx), t, d)
	if _, err := d.Conn(tenancy.System(ctx, "a connection")); err == nil {
		t.Fatal("the home has no connections")
	}
	if want := []string{"monthly report", "a connection"}; !slices.Equal(n.systems, want) {
		t.Errorf("it was told of %q, want %q", n.systems, want)
	}
	for _, e := range n.ended {
		if !e.Start.Scope.System() || e.Start.Isolation != "" {
			t.Errorf("told of %+v", e.Start)
		}
	}
}

// TestObserverCannotChangeTheTenant is of observers with a bug: what they return
// would act for somebody else.
func TestObserverCannotChangeTheTenant(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(context.Context) context.Context{
		"another":    func(ctx context.Context) context.Context { return tenancy.NewContext(ctx, tenancy.Tenant{ID: "other"}) },
		"system":     func(ctx context.Context) context.Context { return tenancy.System(ctx, "to log it") },
		"nobody":     func(context.Context) context.Context { return context.Background() },
		"no context": func(context.Context) context.Context { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := &home{}
			everything(ofTenant(t, "acme"), t, observed(t, h, &notes{next: next}))
			if got, err := tenancy.FromContext(h.ctx); err != nil || got.ID != "acme" {
				t.Errorf("the statement reached the database as %q, %v", got.ID, err)
			}
		})
	}
}

// TestObserverOfAPlacedTenant has a tenant whose context changes on the way.
func TestObserverOfAPlacedTenant(t *testing.T) {
	t.Parallel()
	n := &notes{}
	d, err := driver.New(&home{}, driver.Config{Observer: n, Place: func(t tenancy.Tenant) (tenancy.Tenant, error) {
		t.Isolation = tenancy.IsolationShared
		return t, nil
	}})
	must(t, err)
	everything(ofTenant(t, "acme"), t, d)
	if n.strange > 0 {
		t.Errorf("%d ends have another context than the start returned", n.strange)
	}
	if at := n.started[0].Scope.Tenant().Isolation; at != tenancy.IsolationShared {
		t.Errorf("the scope's tenant is not placed: %q", at)
	}
}

// quiet is a home that allocates nothing.
type quiet struct{ home }

func (*quiet) Exec(context.Context, string, any, any) error  { return nil }
func (*quiet) Query(context.Context, string, any, any) error { return nil }
func (s *quiet) Tx(context.Context) (dialect.Tx, error)      { return s, nil }
func quietly(tb testing.TB, o driver.Observer) (*driver.Driver, context.Context) {
	tb.Helper()
	d, err := driver.New(&quiet{}, driver.Config{Observer: o})
	must(tb, err)
	return d, ofTenant(tb, "acme")
}

// TestObserverAllocations shows that none costs none, and that one costs one for
// each statement, of which a transaction here has three.
func TestObserverAllocations(t *testing.T) {
	for name, test := range map[string]struct {
		told      driver.Observer
		query, tx float64 // a transaction is itself one allocation
	}{
		"none":                  {nil, 0, 1},
		"one that does nothing": {tenancy.NopObserver{}, 1, 4},
	} {
		d, ctx := quietly(t, test.told)
		if got := testing.AllocsPerRun(100, func() { must(t, d.Query(ctx, "SELECT", nil, nil)) }); got != test.query {
			t.Errorf("%s: a query allocates %g times, want %g", name, got, test.query)
		}
		if got := testing.AllocsPerRun(100, func() { must(t, inTx(ctx, d)) }); got != test.tx {
			t.Errorf("%s: a transaction allocates %g times, want %g", name, got, test.tx)
		}
	}
}

func inTx(ctx context.Context, d *driver.Driver) error {
	tx, err := d.Tx(ctx)
	if err != nil {
		return err
	}
	return errors.Join(tx.Exec(ctx, "UPDATE", nil, nil), tx.Commit())
}

// BenchmarkObserver is of the driver alone: the home does nothing.
func BenchmarkObserver(b *testing.B) {
	for _, observer := range []struct {
		name string
		told driver.Observer
	}{{"none", nil}, {"nop", tenancy.NopObserver{}}} {
		d, ctx := quietly(b, observer.told)
		b.Run("observer="+observer.name+"/query", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Query(ctx, "SELECT", nil, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("observer="+observer.name+"/tx", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := inTx(ctx, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
