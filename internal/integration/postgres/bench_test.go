package postgres_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/driver/postgres"
)

// BenchmarkPointRead compares one row by its key through stdlib alone, through
// the connector, and the way that asks for a transaction.
func BenchmarkPointRead(b *testing.B) {
	w := newWorld(b)
	run(b, w.owner, "CREATE TABLE public.plain AS SELECT id, name FROM generate_series(1, 1000) id, text(id) name",
		"CREATE UNIQUE INDEX ON public.plain (id)", "GRANT SELECT ON public.plain TO "+appRole(w))
	plain := stdlib.OpenDB(*w.config(b))
	b.Cleanup(func() { _ = plain.Close() })
	db := openConfig(b, 16, w.config(b), postgres.Config{})
	read := func(ctx context.Context, db querier, query string) error {
		var name string
		return db.QueryRowContext(ctx, query, 1).Scan(&name)
	}
	const table, rows = "SELECT name FROM plain WHERE id = $1", "SELECT name FROM items WHERE id >= $1 LIMIT 1"
	for name, once := range map[string]func() error{
		"stdlib, without tenants":   func() error { return read(b.Context(), plain, table) },
		"connector, no policy":      func() error { return read(w.as(b, 0), db, table) },
		"connector, row security":   func() error { return read(w.as(b, 0), db, rows) },
		"connector, one schema":     func() error { return read(w.as(b, sharedTenants), db, rows) },
		"BEGIN, set_config, COMMIT": func() error { return inTransaction(b.Context(), plain, string(w.tenants[0].ID), rows) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := once(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func inTransaction(ctx context.Context, db *sql.DB, tenant, query string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, "SELECT set_config('tenancy.tenant_id', $1, true)", tenant); err != nil {
		return err
	}
	var name string
	if err := tx.QueryRowContext(ctx, query, 1).Scan(&name); err != nil {
		return err
	}
	return tx.Commit()
}
