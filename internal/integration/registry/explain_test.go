package registry_test

import (
	"context"
	"crypto/md5"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// explained asks PostgreSQL for the plan of each query that passes through it.
type explained struct {
	dialect.Driver
	plans *plans
}

func (e *explained) Query(ctx context.Context, query string, args, v any) error {
	if err := e.plans.add(ctx, query, args.([]any)); err != nil {
		return err
	}
	return e.Driver.Query(ctx, query, args, v)
}

func (e *explained) Tx(ctx context.Context) (dialect.Tx, error) {
	tx, err := e.Driver.Tx(ctx)
	return &explainedTx{tx, e.plans}, err
}

type explainedTx struct {
	dialect.Tx
	plans *plans
}

func (e *explainedTx) Query(ctx context.Context, query string, args, v any) error {
	if err := e.plans.add(ctx, query, args.([]any)); err != nil {
		return err
	}
	return e.Tx.Query(ctx, query, args, v)
}

type plans struct {
	db  database
	all []string
}

func (p *plans) add(ctx context.Context, query string, args []any) error {
	rows, err := p.db.QueryContext(ctx, "EXPLAIN "+query, args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	plan := query + "\n"
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			return err
		}
		plan += line + "\n"
	}
	p.all = append(p.all, plan)
	return rows.Err()
}

// With as many tenants as would take long to read, no lookup, page or search reads them all.
func TestNothingReadsTheWholeTable(t *testing.T) {
	t.Parallel()
	db := postgres().empty(t)
	if err := open(t, db).Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	fillPostgres(t, db, 20_000)
	plans := &plans{db: db}
	store, err := registry.NewEntStore(&explained{db.driver, plans}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range reads(t, store) {
		plans.all = nil
		call()
		if len(plans.all) == 0 {
			t.Errorf("%s asked nothing", name)
		}
		for _, plan := range plans.all {
			if strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s reads the whole table:\n%s", name, plan)
			}
		}
	}
}

// reads are calls by what they read.
func reads(t *testing.T, s registry.Store) map[string]func() {
	t.Helper()
	calls := map[string]func(){
		"ByID":         func() { check(t)(s.ByID(t.Context(), "id-0010000")) },
		"ByIdentifier": func() { check(t)(s.ByIdentifier(t.Context(), "tenant-0010000")) },
		"ByIDs":        func() { check(t)(s.ByIDs(t.Context(), []tenancy.ID{"id-0010000", "id-0000001", "gone"})) },
		"Count of few": func() { check(t)(s.Count(t.Context(), registry.Query{Plan: "rare"})) },
	}
	// Without three letters or digits in a row there are no trigrams to look for, and a text that few tenants have is looked for in all.
	for _, text := range []string{"tenant", "Name", "0010000", "F Ten", "no such tenant", nameOf(10_000)[3:9], "n", "te"} {
		calls[fmt.Sprintf("Search %q", text)] = func() { check(t)(s.Search(t.Context(), text, 20)) }
	}
	for _, order := range []registry.Order{registry.OrderID, registry.OrderNewest} {
		deep := registry.Query{Order: order}.CursorAfter(readAfter(t, s))
		for _, q := range []registry.Query{
			{},
			{Status: tenancy.StatusActive},
			{Status: tenancy.StatusDeleted},
			{Plan: "gold"},
			{Plan: "rare"},
			{Plan: "none"},
			{Isolation: tenancy.IsolationSchema},
			{Isolation: tenancy.IsolationRLS},
			{Status: tenancy.StatusSuspended, Plan: "gold"},
			{Status: tenancy.StatusActive, Plan: "rare", Isolation: tenancy.IsolationSchema},
			{Skip: 500},
		} {
			for _, after := range []registry.Cursor{"", deep} {
				q.Order, q.After = order, after
				calls[fmt.Sprintf("List %+v", q)] = func() { check(t)(s.List(t.Context(), q)) }
			}
		}
	}
	return calls
}

func readAfter(t *testing.T, s registry.Store) tenancy.Tenant {
	t.Helper()
	middle, err := s.ByID(t.Context(), "id-0010000")
	if err != nil {
		t.Fatal(err)
	}
	return middle
}

func check(t *testing.T) func(any, error) {
	t.Helper()
	return func(_ any, err error) {
		if err != nil {
			t.Error(err)
		}
	}
}

// nameOf returns what the name of the tenant with a number has that no other's has.
func nameOf(n int) string { return fmt.Sprintf("%x", md5.Sum(fmt.Append(nil, n))) }

// fillPostgres writes n tenants as a registry of that size may hold them, most of them active and on a few plans.
func fillPostgres(tb testing.TB, db database, n int) {
	tb.Helper()
	for _, statement := range []string{
		fmt.Sprintf(`INSERT INTO tenancy_tenants
			(id, identifier, name, search_name, status, isolation, plan, metadata, version, created_at, updated_at)
			SELECT 'id-' || k, 'tenant-' || k, 'Name ' || md5(i::text) || ' of Ten', 'name ' || md5(i::text) || ' of ten',
				CASE WHEN i %% 50 = 0 THEN 'suspended' ELSE 'active' END, CASE WHEN i %% 10 = 0 THEN 'schema' END,
				CASE WHEN i %% 5000 = 0 THEN 'rare' WHEN i %% 3 = 0 THEN 'gold' ELSE 'free' END, '{"seats": 5}', 1,
				now() - i * interval '1 second', now()
			FROM (SELECT i, lpad(i::text, 7, '0') AS k FROM generate_series(1, %d) AS i) AS tenants`, n),
		"VACUUM ANALYZE tenancy_tenants",
	} {
		if _, err := db.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatal(err)
		}
	}
}
