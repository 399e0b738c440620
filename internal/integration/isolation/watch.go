package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// watch sees what becomes of the statements of one attack.
type watch struct {
	scoped   bool // a statement without the scope that it needs has to be refused
	refuses  func(error) bool
	refusals int      // statements refused with a documented error
	wrote    bool     // a statement was tried that may have changed something
	leaks    []string // statements that had to be refused and were not
}

// saw takes the outcome of a statement under ctx, in a transaction of the scope
// began or in none.
func (w *watch) saw(ctx context.Context, began *tenancy.Scope, query string, err error) {
	w.wrote = w.wrote || query != "" && !strings.HasPrefix(query, "SELECT ")
	if !w.scoped {
		return
	}
	scope, unusable := tenancy.ScopeFromContext(ctx)
	switch {
	case unusable != nil:
		w.must(err, meaning(unusable), "without a scope")
	case began != nil && (scope.System() != began.System() || scope.TenantID() != began.TenantID()):
		w.must(err, tenancy.ErrCrossTenant, "in a transaction of another scope")
	case err != nil && w.refuses != nil && w.refuses(err):
		w.refusals++
	}
}

// must counts a statement that has to be refused.
func (w *watch) must(err, meaning error, how string) {
	w.refusals++
	if !errors.Is(err, meaning) {
		w.leaks = append(w.leaks, fmt.Sprintf("a statement %s had to be refused, and its error is: %v", how, err))
	}
}

// meaning returns the sentinel of why a scope cannot be used.
func meaning(err error) error {
	for _, m := range []error{tenancy.ErrNoReason, tenancy.ErrInactive, tenancy.ErrInvalidID} {
		if errors.Is(err, m) {
			return m
		}
	}
	return tenancy.ErrNoTenant
}

// watched is a driver that shows a watch the outcome of all statements.
type watched struct {
	dialect.Driver
	watch *watch
}

type execQuerier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

var errNotRaw = errors.New("isolation: the driver has neither ExecContext nor QueryContext")

func (d watched) Exec(ctx context.Context, query string, args, v any) error {
	err := d.Driver.Exec(ctx, query, args, v)
	d.watch.saw(ctx, nil, query, err)
	return err
}

func (d watched) Query(ctx context.Context, query string, args, v any) error {
	err := d.Driver.Query(ctx, query, args, v)
	d.watch.saw(ctx, nil, query, err)
	return err
}

func (d watched) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execOn(ctx, d.Driver, d.watch, nil, query, args)
}

func (d watched) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryOn(ctx, d.Driver, d.watch, nil, query, args)
}

func (d watched) Tx(ctx context.Context) (dialect.Tx, error) {
	tx, err := d.Driver.Tx(ctx)
	d.watch.saw(ctx, nil, "", err)
	if err != nil {
		return nil, err
	}
	scope, _ := tenancy.ScopeFromContext(ctx) // a scoped driver has refused a context without one
	return watchedTx{tx, d.watch, scope}, nil
}

// watchedTx is watched for a transaction.
type watchedTx struct {
	dialect.Tx
	watch *watch
	began *tenancy.Scope
}

func (t watchedTx) Exec(ctx context.Context, query string, args, v any) error {
	err := t.Tx.Exec(ctx, query, args, v)
	t.watch.saw(ctx, t.began, query, err)
	return err
}

func (t watchedTx) Query(ctx context.Context, query string, args, v any) error {
	err := t.Tx.Query(ctx, query, args, v)
	t.watch.saw(ctx, t.began, query, err)
	return err
}

func (t watchedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execOn(ctx, t.Tx, t.watch, t.began, query, args)
}

func (t watchedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryOn(ctx, t.Tx, t.watch, t.began, query, args)
}

func execOn(ctx context.Context, on dialect.ExecQuerier, w *watch, began *tenancy.Scope, query string, args []any) (sql.Result, error) {
	raw, ok := on.(execQuerier)
	if !ok {
		return nil, errNotRaw
	}
	result, err := raw.ExecContext(ctx, query, args...)
	w.saw(ctx, began, query, err)
	return result, err
}

func queryOn(ctx context.Context, on dialect.ExecQuerier, w *watch, began *tenancy.Scope, query string, args []any) (*sql.Rows, error) {
	raw, ok := on.(execQuerier)
	if !ok {
		return nil, errNotRaw
	}
	rows, err := raw.QueryContext(ctx, query, args...)
	w.saw(ctx, began, query, err)
	return rows, err
}
