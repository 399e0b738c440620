package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tracer calls the tracers of the pgx configuration for what goes past pgx. It
// shows them the caller's statement, not what goes ahead of it.
type tracer struct {
	query   pgx.QueryTracer
	prepare pgx.PrepareTracer
}

func newTracer(query pgx.QueryTracer) tracer {
	prepare, _ := query.(pgx.PrepareTracer)
	return tracer{query: query, prepare: prepare}
}

func (t tracer) start(ctx context.Context, c *pgx.Conn, sql string, args []any) context.Context {
	if t.query == nil {
		return ctx
	}
	return t.query.TraceQueryStart(ctx, c, pgx.TraceQueryStartData{SQL: sql, Args: args})
}

func (t tracer) end(ctx context.Context, c *pgx.Conn, tag pgconn.CommandTag, err error) {
	if t.query != nil {
		t.query.TraceQueryEnd(ctx, c, pgx.TraceQueryEndData{CommandTag: tag, Err: err})
	}
}

func (t tracer) startPrepare(ctx context.Context, c *pgx.Conn, name, sql string) context.Context {
	if t.prepare == nil {
		return ctx
	}
	return t.prepare.TracePrepareStart(ctx, c, pgx.TracePrepareStartData{Name: name, SQL: sql})
}

func (t tracer) endPrepare(ctx context.Context, c *pgx.Conn, err error) {
	if t.prepare != nil {
		t.prepare.TracePrepareEnd(ctx, c, pgx.TracePrepareEndData{Err: err})
	}
}
