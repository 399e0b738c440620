package postgres_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// afterAnother runs a query as the second statement of a transaction, where nothing can
// be repeated behind the caller's back.
func afterAnother(ctx context.Context, tb testing.TB, db *sql.DB, query string, args ...any) error {
	tb.Helper()
	tx, err := db.BeginTx(ctx, nil)
	must(tb, err)
	defer func() { _ = tx.Rollback() }()
	must(tb, count(ctx, tx, "SELECT $1::int", 1))
	if err := count(ctx, tx, query, args...); err != nil {
		return err
	}
	return tx.Commit()
}

// withTypes gives each schema types of its own, and a table of them.
func (w *world) withTypes(tb testing.TB) {
	tb.Helper()
	for number := sharedTenants; number < len(w.tenants); number++ {
		schema := quoted(w.tenants[number].Placement.Schema)
		run(tb, w.owner, "SET search_path = "+schema, "CREATE TYPE mood AS ENUM ('happy', 'sad')", "CREATE DOMAIN email AS text",
			"CREATE TABLE people (id int, mood mood, email email)", "INSERT INTO people VALUES (1, 'happy', 'a@b.c')", "GRANT ALL ON people TO "+appRole(w))
	}
}

func TestSchemasHaveTypesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withTypes(t)
	for _, c := range []struct {
		query  string
		arg    any
		failed int // until the connector knows: the server calls a column of a domain text
	}{
		{"SELECT mood FROM people WHERE id = $1", 1, 0},
		{"SELECT id FROM people WHERE mood = $1", "happy", 0},
		{"SELECT id FROM people WHERE mood = ANY($1)", "{happy}", 0},
		{"SELECT people FROM people WHERE id = $1", 1, 0},
		{"UPDATE people SET mood = $1", "sad", 0},
		{"INSERT INTO people (email) VALUES ($1)", "d@e.f", 0},
		{"SELECT email FROM people WHERE id = $1", 1, 1},
	} {
		db, failed := w.open(t, 2, postgres.Config{}), 0
		first, err := db.Conn(w.as(t, 0)) // so that the second connection has to know, too
		must(t, err)
		for round := range 6 {
			for number := sharedTenants; number < len(w.tenants); number++ {
				ctx := w.as(t, number)
				if err := afterAnother(ctx, t, db, c.query, c.arg); err != nil {
					failed++
					t.Logf("%s: %v", c.query, err)
				}
				must(t, count(ctx, db, c.query, c.arg))
			}
			if round == 2 {
				must(t, first.Close())
				db.SetMaxIdleConns(1)
			}
		}
		if failed > c.failed {
			t.Errorf("%s: %d transactions failed, want at most %d", c.query, failed, c.failed)
		}
	}
}

// TestOwnTypesTakeOneRoundTrip shows that a schema keeps the statement that it has for its types.
func TestOwnTypesTakeOneRoundTrip(t *testing.T) {
	t.Parallel()
	const query = "SELECT id FROM people WHERE mood = $1"
	w := newWorld(t)
	w.withTypes(t)
	db := w.open(t, 1, postgres.Config{})
	use := func() {
		for number := sharedTenants; number < len(w.tenants); number++ {
			must(t, count(w.as(t, number), db, query, "happy"))
		}
	}
	use()
	if got := w.during(use); got != schemaTenants {
		t.Errorf("%d uses took %d round trips", schemaTenants, got)
	}
}

// TestTypesOfAllSchemas shares a statement all the same, once two schemas have the same types.
func TestTypesOfAllSchemas(t *testing.T) {
	t.Parallel()
	const query = "SELECT $1::public.mood"
	w := newWorld(t)
	run(t, w.owner, "CREATE TYPE public.mood AS ENUM ('happy', 'sad')")
	connector, err := postgres.NewConnector(w.config(t), postgres.Config{})
	must(t, err)
	for round := range 2 {
		db := sql.OpenDB(connector)
		db.SetMaxOpenConns(1)
		for number := sharedTenants; number < len(w.tenants); number++ {
			must(t, afterAnother(w.as(t, number), t, db, query, "happy"))
		}
		own := 0
		for _, text := range prepared(t, db) {
			if len(text) >= len(query) && text[:len(query)] == query {
				own++
			}
		}
		if want := []int{3, 1}[round]; own != want {
			t.Errorf("on connection %d there are %d statements, want %d", round+1, own, want)
		}
		must(t, db.Close())
	}
}
