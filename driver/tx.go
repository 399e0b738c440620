package driver

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/tableplaces"
)

// Tx is a transaction of the one scope that began it. Like every transaction
// it is not safe for concurrent use.
type Tx struct {
	dialect.Tx
	driver *Driver
	place  place
	began  context.Context // the caller's, for the observer: Commit and Rollback have none
	over   bool            // the observer was told of its end
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
	began := ctx
	var r route
	ctx, err := d.route(ctx, &r, tenancy.OperationBegin, "")
	if err != nil {
		return nil, err
	}
	defer r.done()
	inner, err := begin(ctx, r.driver)
	if err = r.end(ctx, err); err != nil {
		return nil, err
	}
	return &Tx{Tx: inner, driver: d, place: r.place, began: began}, nil
}

// Commit implements [dialect.Tx].
func (t *Tx) Commit() error {
	ctx, s := t.tellEnd(tenancy.OperationCommit)
	return s.end(ctx, t.Tx.Commit())
}

// Rollback implements [dialect.Tx].
func (t *Tx) Rollback() error {
	ctx, s := t.tellEnd(tenancy.OperationRollback)
	return s.end(ctx, t.Tx.Rollback())
}

// tellEnd tells the observer that the transaction ends, once: a Rollback that is
// deferred and comes after Commit does nothing.
func (t *Tx) tellEnd(operation tenancy.Operation) (context.Context, *told) {
	if t.over || !t.driver.observes() {
		return t.began, nil
	}
	t.over = true
	return t.driver.tell(t.began, &t.place, operation, "")
}

// Exec implements [dialect.Tx].
func (t *Tx) Exec(ctx context.Context, query string, args, v any) error {
	var s step
	ctx, err := t.admit(ctx, &s, tenancy.OperationExec, query)
	if err != nil {
		return err
	}
	return s.end(ctx, s.on.Exec(ctx, s.query, args, v))
}

// Query implements [dialect.Tx].
func (t *Tx) Query(ctx context.Context, query string, args, v any) error {
	if q, ok := v.(*tableplaces.Question); ok {
		return t.answer(ctx, q)
	}
	var s step
	ctx, err := t.admit(ctx, &s, tenancy.OperationQuery, query)
	if err != nil {
		return err
	}
	return s.end(ctx, s.on.Query(ctx, s.query, args, v))
}

// ExecContext runs SQL written by hand in the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var s step
	ctx, err := t.admit(ctx, &s, tenancy.OperationExec, query)
	if err != nil {
		return nil, err
	}
	raw, ok := s.on.(execer)
	if !ok {
		return nil, s.end(ctx, unsupported(s.on, "ExecContext"))
	}
	result, err := raw.ExecContext(ctx, s.query, args...)
	return result, s.end(ctx, err)
}

// QueryContext is ExecContext for SQL that returns rows.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	var s step
	ctx, err := t.admit(ctx, &s, tenancy.OperationQuery, query)
	if err != nil {
		return nil, err
	}
	raw, ok := s.on.(queryer)
	if !ok {
		return nil, s.end(ctx, unsupported(s.on, "QueryContext"))
	}
	rows, err := raw.QueryContext(ctx, s.query, args...)
	return rows, s.end(ctx, err)
}

// step is the way of one statement within a transaction.
type step struct {
	on    dialect.ExecQuerier // the transaction, or the home for a query of global entities
	query string
	place place
	told  *told
}

// end ends a statement with its error, which it explains.
func (s *step) end(ctx context.Context, err error) error {
	return s.told.end(ctx, s.place.explain(err))
}

// admit sets s, which is zero, to the way of a statement under ctx, if it may go
// one, and returns the context that it goes with.
func (t *Tx) admit(ctx context.Context, s *step, operation tenancy.Operation, query string) (context.Context, error) {
	ctx, err := t.driver.placeIn(ctx, &s.place)
	if err != nil {
		return ctx, err
	}
	s.place.asked, s.on, s.query = query, t.Tx, t.driver.textFor(&s.place, query)
	if t.driver.observes() {
		ctx, s.told = t.driver.tell(ctx, &s.place, operation, s.query)
	}
	s.query = t.driver.comment(ctx, &s.place, s.query)
	if err := t.check(s, operation, query); err != nil {
		return ctx, s.told.end(ctx, err)
	}
	return ctx, nil
}

// check refuses what does not belong into the transaction, and picks what the
// statement runs on.
func (t *Tx) check(s *step, operation tenancy.Operation, query string) error {
	switch {
	case !t.place.same(&s.place):
		return crossTenant()
	case !samePlace(&t.place.tenant, &s.place.tenant):
		return fmt.Errorf("driver: %w: %s has moved since the transaction began", tenancy.ErrInvalidPlacement, s.place.tenant)
	case !s.place.own:
		return nil
	}
	switch t.driver.names.about(query) {
	case both:
		return spans(s.place.tenant)
	case globals:
		if operation != tenancy.OperationQuery || !isRead(t.driver.dialect, query) {
			return spans(s.place.tenant)
		}
		s.on = t.driver.home
	case unsaid, tenants:
	}
	return nil
}
