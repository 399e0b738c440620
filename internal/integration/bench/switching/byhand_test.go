package switching_test

import (
	"context"
	"database/sql"
	"errors"

	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// beginShop has row-level security, and a transaction around every statement
// to set the tenant in: BEGIN, set_config, the statement, COMMIT.
type beginShop struct{ db *sql.DB }

func (s beginShop) in(ctx context.Context, r request, do func(plainShop) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "SELECT set_config('"+postgres.Setting+"', $1, true)", string(r.tenant.ID))
	if err == nil {
		err = do(connected(tx))
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func (s beginShop) point(ctx context.Context, r request) error {
	return s.in(ctx, r, func(t plainShop) error { return t.point(ctx, r) })
}

func (s beginShop) list(ctx context.Context, r request) error {
	return s.in(ctx, r, func(t plainShop) error { return t.list(ctx, r) })
}

func (s beginShop) insert(ctx context.Context, r request) error {
	return s.in(ctx, r, func(t plainShop) error { return t.insert(ctx, r) })
}

func (s beginShop) transaction(ctx context.Context, r request) error {
	return s.in(ctx, r, func(t plainShop) error { return three(ctx, t, r) })
}

// varShop has row-level security and ent's session variables: SET, the
// statement, RESET. In a transaction they are set before each statement, and
// stay on the connection after COMMIT.
type varShop struct{ plainShop }

func withVar(ctx context.Context, r request) context.Context {
	return entsql.WithVar(ctx, postgres.Setting, string(r.tenant.ID)) //nolint:forbidigo // what not to do, to show what it costs
}

func (s varShop) point(ctx context.Context, r request) error {
	return s.plainShop.point(withVar(ctx, r), r)
}

func (s varShop) list(ctx context.Context, r request) error {
	return s.plainShop.list(withVar(ctx, r), r)
}

func (s varShop) insert(ctx context.Context, r request) error {
	return s.plainShop.insert(withVar(ctx, r), r)
}

func (s varShop) transaction(ctx context.Context, r request) error {
	return s.plainShop.transaction(withVar(ctx, r), r)
}

// pathShop has a schema for each tenant, and switches the session of a
// connection that it holds: SET search_path, the statement, RESET.
type pathShop struct{ db *sql.DB }

func (s pathShop) on(ctx context.Context, r request, do func(*sql.Conn) error) (err error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, "SET search_path TO "+pgx.Identifier{r.tenant.Placement.Schema}.Sanitize()); err != nil {
		return err
	}
	err = do(conn)
	_, reset := conn.ExecContext(ctx, "RESET search_path")
	return errors.Join(err, reset)
}

func (s pathShop) point(ctx context.Context, r request) error {
	return s.on(ctx, r, func(c *sql.Conn) error { return connected(c).point(ctx, r) })
}

func (s pathShop) list(ctx context.Context, r request) error {
	return s.on(ctx, r, func(c *sql.Conn) error { return connected(c).list(ctx, r) })
}

func (s pathShop) insert(ctx context.Context, r request) error {
	return s.on(ctx, r, func(c *sql.Conn) error { return connected(c).insert(ctx, r) })
}

func (s pathShop) transaction(ctx context.Context, r request) error {
	return s.on(ctx, r, func(c *sql.Conn) error {
		tx, err := c.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		if err := three(ctx, connected(tx), r); err != nil {
			return errors.Join(err, tx.Rollback())
		}
		return tx.Commit()
	})
}

// pgxShop is pgx without ent, database/sql and tenancy: the limit.
type pgxShop struct{ db pgxQuerier }

// pgxQuerier is what *pgxpool.Pool and pgx.Tx have in common.
type pgxQuerier interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

var (
	_ pgxQuerier = (*pgxpool.Pool)(nil)
	_ pgxQuerier = pgx.Tx(nil)
)

// pgxOrder is a row as ent's client has it.
type pgxOrder struct {
	id, total      int
	tenantID, note string
}

func (o *pgxOrder) fields() []any { return []any{&o.id, &o.tenantID, &o.note, &o.total} }

func (s pgxShop) point(ctx context.Context, r request) error {
	var found pgxOrder
	if err := s.db.QueryRow(ctx, "SELECT id, tenant_id, note, total FROM orders WHERE id = $1 LIMIT 2", r.row).Scan(found.fields()...); err != nil {
		return err
	}
	return checkPoint(found.tenantID, r)
}

func (s pgxShop) list(ctx context.Context, r request) error {
	rows, err := s.db.Query(ctx, "SELECT id, tenant_id, note, total FROM orders WHERE id >= $1 ORDER BY id LIMIT 20", r.row)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*pgxOrder, error) {
		var o pgxOrder
		return &o, row.Scan(o.fields()...)
	})
	if err != nil || len(found) == 0 {
		return errors.Join(errNoRows, err)
	}
	return checkList(len(found), found[len(found)-1].tenantID, r)
}

func (s pgxShop) insert(ctx context.Context, r request) error {
	var id int
	return s.db.QueryRow(ctx, "INSERT INTO orders (note, total, tenant_id) VALUES ($1, $2, $3) RETURNING id", "a note", 1, string(r.tenant.ID)).Scan(&id)
}

func (s pgxShop) transaction(ctx context.Context, r request) error {
	return s.within(ctx, func(tx pgx.Tx) error { return three(ctx, pgxShop{tx}, r) })
}

func (s pgxShop) within(ctx context.Context, do func(pgx.Tx) error) error {
	tx, err := s.db.Begin(ctx)
	if err != nil {
		return err
	}
	if err := do(tx); err != nil {
		return errors.Join(err, tx.Rollback(ctx))
	}
	return tx.Commit(ctx)
}

// batchShop is pgx with row-level security, and nothing else: the tenant is set in
// the same message as the statement. It is what can be had by hand for each
// statement, without ent and without the predicate.
type batchShop struct{ pool *pgxpool.Pool }

func (s batchShop) with(r request) pgxShop { return pgxShop{batched{s.pool, r.tenant.ID}} }

func (s batchShop) point(ctx context.Context, r request) error { return s.with(r).point(ctx, r) }

func (s batchShop) list(ctx context.Context, r request) error { return s.with(r).list(ctx, r) }

func (s batchShop) insert(ctx context.Context, r request) error { return s.with(r).insert(ctx, r) }

// transaction sets the tenant with its first statement.
func (s batchShop) transaction(ctx context.Context, r request) error {
	return s.with(r).within(ctx, func(tx pgx.Tx) error {
		if err := (pgxShop{batched{tx, r.tenant.ID}}).point(ctx, r); err != nil {
			return err
		}
		if err := (pgxShop{tx}).insert(ctx, r); err != nil {
			return err
		}
		r.row++
		return pgxShop{tx}.point(ctx, r)
	})
}

// batcher is what *pgxpool.Pool and pgx.Tx have in common.
type batcher interface {
	Begin(ctx context.Context) (pgx.Tx, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// batched sets a tenant ahead of each query.
type batched struct {
	batcher

	tenant tenancy.ID
}

func (b batched) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	var batch pgx.Batch
	batch.Queue("SELECT set_config('"+postgres.Setting+"', $1, true)", string(b.tenant))
	batch.Queue(query, args...)
	results := b.SendBatch(ctx, &batch)
	if _, err := results.Exec(); err != nil {
		return nil, errors.Join(err, results.Close())
	}
	rows, err := results.Query()
	if err != nil {
		return nil, errors.Join(err, results.Close())
	}
	return batchedRows{rows, results}, nil
}

func (b batched) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	rows, err := b.Query(ctx, query, args...)
	return batchedRow{rows, err}
}

// batchedRows end their batch.
type batchedRows struct {
	pgx.Rows

	results pgx.BatchResults
}

func (r batchedRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // the rows' error is the same
}

// batchedRow is the first of some rows.
type batchedRow struct {
	rows pgx.Rows
	err  error
}

func (r batchedRow) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		return errors.Join(r.rows.Err(), errNoRows)
	}
	return r.rows.Scan(into...)
}
