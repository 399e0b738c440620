package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// asked notes the queries that a run asks. What it does to a tenant is no query.
type asked struct {
	mu      sync.Mutex
	queries []string
}

func (a *asked) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.queries = append(a.queries, data.SQL)
	return ctx
}

func (*asked) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// about says how many queries were about the revisions of a schema.
func (a *asked) about(schema string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := 0
	for _, query := range a.queries {
		if strings.Contains(query, `"`+schema+`"."atlas_schema_revisions"`) {
			n++
		}
	}
	return n
}

// watched opens the home's database anew, for runs whose queries are noted.
func (f *fleet) watched() (*asked, func(*migrate.Config)) {
	config, err := pgx.ParseConfig(f.url)
	if err != nil {
		f.t.Fatal(err)
	}
	a := &asked{}
	config.Tracer = a
	db := stdlib.OpenDB(*config)
	f.t.Cleanup(func() { db.Close() })
	return a, func(c *migrate.Config) { c.Home, c.Concurrency = db, 4 }
}

func TestPostgresBehindAsTheOthersAreIsNotAskedFirst(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 60)
	queries, watched := f.watched()
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	d := directory(t, dialect.Postgres, once())
	wantReport(t, apply(t, f.runner(d, watched)), 60, 0, 0, 0)
	if n := queries.about("t059"); n != 1 { // when the run looks for who came meanwhile
		t.Errorf("the last tenant was asked about %d times", n)
	}
	f.wantComplete(d)
}

// TestPostgresNotWhereTheOthersAre has tenants that are not in the state that those before them let expect.
func TestPostgresNotWhereTheOthersAre(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 60)
	before, d := directory(t, dialect.Postgres, first()), directory(t, dialect.Postgres, two())
	fresh, ahead, gone, edited, dirty, half := f.tenants[40], f.tenants[45], f.tenants[48], f.tenants[52], f.tenants[55], f.tenants[57]
	f.forget(fresh.ID)
	apply(t, f.runner(before))
	f.record(fresh)
	if _, err := f.runner(d).ApplyTo(t.Context(), ahead); err != nil {
		t.Fatal(err)
	}
	f.exec("DROP SCHEMA " + gone.Placement.Schema + " CASCADE")
	f.exec("UPDATE " + edited.Placement.Schema + ".atlas_schema_revisions SET hash = 'another'")
	f.exec("DROP TABLE " + dirty.Placement.Schema + ".atlas_schema_revisions")
	f.exec("UPDATE " + half.Placement.Schema + ".atlas_schema_revisions SET applied = 1, partial_hashes = '[\"h1:another\"]'")

	results := map[tenancy.ID]migrate.Result{}
	queries, watched := f.watched()
	report, failed := failures(t, f.runner(d, watched, func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) { results[r.Tenant.ID] = r }
	}))
	wantReport(t, report, 55, 1, 4, 0)
	if n := queries.about(half.Placement.Schema); n == 0 {
		t.Error("nobody looked at who is elsewhere")
	}
	if r := results[ahead.ID]; r.Outcome != migrate.Unchanged || r.From != "20260102000000" || r.To != r.From {
		t.Errorf("ahead: got %+v", r)
	}
	if r := results[fresh.ID]; r.Outcome != migrate.Applied || r.From != "" || r.To != "20260102000000" {
		t.Errorf("fresh: got %+v", r)
	}
	for id, want := range map[tenancy.ID]migrate.Result{
		gone.ID:   {Err: tenancy.ErrNotProvisioned},
		dirty.ID:  {Err: migrate.ErrDirty},
		edited.ID: {Err: migrate.ErrEdited, From: "20260101000000", To: "20260101000000"},
		half.ID:   {Err: migrate.ErrEdited, From: "20260101000000", To: "20260101000000"},
	} {
		if got := failed[id]; !errors.Is(got.Err, want.Err) || got.From != want.From || got.To != want.To {
			t.Errorf("%s: got %q from %q to %q, want %+v", id, got.Err, got.From, got.To, want)
		}
	}
	for _, schema := range []string{ahead.Placement.Schema, fresh.Placement.Schema} {
		if n := one[int](t, f.home, fmt.Sprintf("SELECT count(*) FROM %s.atlas_schema_revisions", schema)); n != 2 {
			t.Errorf("%s has %d revisions", schema, n)
		}
	}
}
