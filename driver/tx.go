package driver

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// Tx is a transaction of the one scope that began it. Like every transaction
// it is not safe for concurrent use.
type Tx struct {
	dialect.Tx // Commit and Rollback are the database's
	driver     *Driver
	place      place
}

// Tx implements [dialect.Driver].
func (d *Driver) Tx(ctx context.Context) (dialect.Tx, error) {
	return d.begin(ctx, func(ctx context.Context, at dialect.Driver) (dialect.Tx, error) { return at.Tx(ctx) })
}

// beginner is what ent's BeginTx asks of a driver.
type beginner interface {
	BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error)
}

// BeginTx is Tx with options.
func (d *Driver) BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error) {
	return d.begin(ctx, func(ctx context.Context, at dialect.Driver) (dialect.Tx, error) {
		b, ok := at.(beginner)
		if !ok {
			return nil, unsupported(at, "BeginTx")
		}
		return b.BeginTx(ctx, options)
	})
}

func (d *Driver) begin(ctx context.Context, begin func(context.Context, dialect.Driver) (dialect.Tx, error)) (dialect.Tx, error) {
	ctx, r, err := d.route(ctx, "", false)
	if err != nil {
		return nil, err
	}
	defer r.done()
	inner, err := begin(ctx, r.driver)
	if err != nil {
		return nil, r.explain(err)
	}
	return &Tx{Tx: inner, driver: d, place: r.place}, nil
}

// Exec implements [dialect.Tx].
func (t *Tx) Exec(ctx context.Context, query string, args, v any) error {
	ctx, s, err := t.admit(ctx, query, false)
	if err != nil {
		return err
	}
	return s.explain(s.on.Exec(ctx, s.query, args, v))
}

// Query implements [dialect.Tx].
func (t *Tx) Query(ctx context.Context, query string, args, v any) error {
	ctx, s, err := t.admit(ctx, query, true)
	if err != nil {
		return err
	}
	return s.explain(s.on.Query(ctx, s.query, args, v))
}

// ExecContext runs SQL written by hand in the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx, s, err := t.admit(ctx, query, false)
	if err != nil {
		return nil, err
	}
	raw, ok := s.on.(execer)
	if !ok {
		return nil, unsupported(s.on, "ExecContext")
	}
	result, err := raw.ExecContext(ctx, s.query, args...)
	return result, s.explain(err)
}

// QueryContext is ExecContext for SQL that returns rows.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	ctx, s, err := t.admit(ctx, query, true)
	if err != nil {
		return nil, err
	}
	raw, ok := s.on.(queryer)
	if !ok {
		return nil, unsupported(s.on, "QueryContext")
	}
	rows, err := raw.QueryContext(ctx, s.query, args...)
	return rows, s.explain(err)
}

// step is the way of one statement within a transaction.
type step struct {
	on    dialect.ExecQuerier // the transaction, or the home for a query of global entities
	query string
	place place
}

func (s *step) explain(err error) error { return s.place.explain(err) }

// admit says which way a statement under ctx goes, and with which context, if
// it may.
func (t *Tx) admit(ctx context.Context, query string, reads bool) (context.Context, step, error) {
	ctx, p, err := t.driver.placeOf(ctx)
	switch {
	case err != nil:
		return ctx, step{}, err
	case !t.place.same(&p):
		return ctx, step{}, crossTenant()
	case t.place.moved(&p):
		return ctx, step{}, fmt.Errorf("driver: %w: %s has moved since the transaction began", tenancy.ErrInvalidPlacement, p.tenant)
	}
	s := step{on: t.Tx, query: t.driver.textFor(&p, query), place: p}
	if !p.own {
		return ctx, s, nil
	}
	switch t.driver.names.about(query) {
	case both:
		return ctx, step{}, spans(p.tenant)
	case globals:
		if !reads || !isRead(query) {
			return ctx, step{}, spans(p.tenant)
		}
		s.on = t.driver.home
	case unsaid, tenants:
	}
	return ctx, s, nil
}
