package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "modernc.org/sqlite"
)

// bench is one operation of one variant on one backend, ready to run.
type bench struct {
	shop
	operation
	ctx context.Context
	db  *sql.DB // nil on the stub
}

// backends name what the variants run on.
const (
	onStub   = "stub"
	onSQLite = "sqlite"
)

func backends() []string { return []string{onStub, onSQLite} }

func newBench(tb testing.TB, backend string, op operation, v variant) *bench {
	tb.Helper()
	b := &bench{operation: op, ctx: v.context(context.Background())}
	if backend == onStub {
		b.shop = v.open(&stub{rows: op.rows})
		return b
	}
	db, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(1)")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1) // every connection has a memory of its own
	b.db, b.shop = db, v.open(entsql.OpenDB(dialect.SQLite, db))
	if err := b.migrate(b.ctx); err != nil {
		tb.Fatal(err)
	}
	b.exec(tb, seedUsers, owners, tenant)
	b.exec(tb, seedOrders, 1, seeded, tenant, owners)
	return b
}

const (
	// seeded is how many orders there always are, with the ids from 1.
	seeded = 20
	// firstPrepared is the id of the first order that is there to be deleted.
	firstPrepared = seeded + 1

	seedUsers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1)
		INSERT INTO users (id, tenant_id, name) SELECT i, ?2, 'someone' FROM n`
	seedOrders = `WITH RECURSIVE n(i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
		INSERT INTO orders (id, tenant_id, note, total, user_orders) SELECT i, ?3, 'a note', i, 1 + i % ?4 FROM n`
)

// prepare makes ready for a batch of n runs: it removes what earlier ones
// created, and adds what these will delete.
func (b *bench) prepare(tb testing.TB, n int) {
	tb.Helper()
	if b.db == nil || b.query {
		return
	}
	b.exec(tb, "DELETE FROM orders WHERE id > ?", seeded)
	if b.name == "delete one" {
		b.exec(tb, seedOrders, firstPrepared, seeded+n, tenant, owners)
	}
}

func (b *bench) exec(tb testing.TB, query string, args ...any) {
	tb.Helper()
	if _, err := b.db.ExecContext(b.ctx, query, args...); err != nil {
		tb.Fatal(err)
	}
}

// batch runs the operation n times.
func (b *bench) batch(n int) error {
	for i := range n {
		if err := b.run(b.ctx, b.shop, i); err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}
