package privacy

import (
	"context"
	stdsql "database/sql"
	"errors"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
)

// guard is the driver that ent uses for one mutation. It runs the checks that
// need the final specification and the context, which only the driver sees,
// inside the transaction if there is one: the first check before the first
// statement, and the second before the second.
type guard struct {
	dialect.Driver
	checks []check
	joins  []joinInsert
	// failed is what went wrong while ent built the statement, where there is
	// no way to return it. The statement is not run.
	failed error
	// locks go before the one statement, in a transaction with it.
	locks *rowLocks
}

type check func(context.Context, querier) error

// unwrap returns the driver beneath the guard of an earlier use of a builder.
func unwrap(drv dialect.Driver) dialect.Driver {
	if g, ok := drv.(*guard); ok {
		return g.Driver
	}
	return drv
}

func (g *guard) before(ctx context.Context, q dialect.ExecQuerier) error {
	if g.failed != nil || len(g.checks) == 0 {
		return g.failed
	}
	next := g.checks[0]
	g.checks = g.checks[1:]
	return next(ctx, querier{ExecQuerier: q, dialect: g.Dialect()})
}

// Exec implements dialect.ExecQuerier.
func (g *guard) Exec(ctx context.Context, query string, args, v any) error {
	if g.locks == nil || g.failed != nil {
		return g.exec(ctx, g.Driver, query, args, v)
	}
	tx, err := g.Driver.Tx(ctx)
	if err != nil {
		return err
	}
	if query, args, err = g.locks.take(ctx, tx, query, args); err == nil {
		err = g.exec(ctx, tx, query, args, v)
	}
	if err == nil {
		return tx.Commit()
	}
	if failed := tx.Rollback(); !errors.Is(failed, stdsql.ErrTxDone) { // its context is over
		err = errors.Join(err, failed)
	}
	return err
}

// Query implements dialect.ExecQuerier.
func (g *guard) Query(ctx context.Context, query string, args, v any) error {
	return g.query(ctx, g.Driver, query, args, v)
}

// Tx implements dialect.Driver.
func (g *guard) Tx(ctx context.Context) (dialect.Tx, error) {
	tx, err := g.Driver.Tx(ctx)
	if err != nil {
		return nil, err
	}
	return &guardTx{tx, g}, nil
}

func (g *guard) exec(ctx context.Context, q dialect.ExecQuerier, query string, args, v any) error {
	if err := g.before(ctx, q); err != nil {
		return err
	}
	return q.Exec(ctx, idempotent(query, g.joins), args, v)
}

func (g *guard) query(ctx context.Context, q dialect.ExecQuerier, query string, args, v any) error {
	if err := g.before(ctx, q); err != nil {
		return err
	}
	return q.Query(ctx, query, args, v)
}

// guardTx is the guard inside a transaction.
type guardTx struct {
	dialect.Tx
	guard *guard
}

func (t *guardTx) Exec(ctx context.Context, query string, args, v any) error {
	return t.guard.exec(ctx, t.Tx, query, args, v)
}

func (t *guardTx) Query(ctx context.Context, query string, args, v any) error {
	return t.guard.query(ctx, t.Tx, query, args, v)
}

// joinInsert is how ent begins the statement that adds rows to a join table,
// and how it ends it where the rows have no extra columns: a link that exists
// already is left alone. With the tenant as an extra column ent leaves that
// ending out, and idempotent puts it back.
type joinInsert struct{ prefix, suffix string }

func joinInserts(dialect string, joins []join) []joinInsert {
	var inserts []joinInsert
	for _, j := range joins {
		if j.plain {
			inserts = append(inserts, newJoinInsert(dialect, j.spec))
		}
	}
	return inserts
}

func newJoinInsert(d string, spec *sqlgraph.EdgeSpec) joinInsert {
	columns := append([]string{}, spec.Columns...)
	for _, f := range spec.Target.Fields {
		columns = append(columns, f.Column)
	}
	insert := sql.Dialect(d).Insert(spec.Table).Schema(spec.Schema).Columns(columns...).Values(make([]any, len(columns))...)
	plain, _ := insert.Query()
	ignoring, _ := insert.OnConflict(sql.DoNothing()).Query()
	prefix, _, _ := strings.Cut(plain, " VALUES ")
	return joinInsert{prefix + " VALUES ", strings.TrimPrefix(ignoring, plain)}
}

func idempotent(query string, joins []joinInsert) string {
	for _, j := range joins {
		if strings.HasPrefix(query, j.prefix) {
			return query + j.suffix
		}
	}
	return query
}
