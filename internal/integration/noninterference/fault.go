package noninterference

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	"pgregory.net/rapid"
)

// faultKind is what goes wrong while an operation runs.
type faultKind int

const (
	noFault      faultKind = iota
	cancelBefore           // the context is cancelled before the operation
	cancelAt               // the context is cancelled just before a statement of it
	cancelAfter            // the context is cancelled as soon as a statement has run
	cancelDuring           // the context is cancelled by another goroutine, at any time
	killAt                 // all connections are killed just before a statement
)

// fault is what goes wrong, and at which statement of the operation.
type fault struct {
	kind faultKind
	at   int
}

// String continues the line that shows a step.
func (f fault) String() string {
	switch f.kind {
	case cancelBefore:
		return ", cancelled beforehand"
	case cancelAt:
		return fmt.Sprintf(", cancelled before statement %d", f.at)
	case cancelAfter:
		return fmt.Sprintf(", cancelled after statement %d", f.at)
	case cancelDuring:
		return ", cancelled in the middle"
	case killAt:
		return fmt.Sprintf(", connections killed before statement %d", f.at)
	default:
		return ""
	}
}

// cancels reports whether the operation's context is cancelled.
func (f fault) cancels() bool { return f.kind != noFault && f.kind != killAt }

// drawFault makes one step in eight faulty.
func drawFault(t *rapid.T, kinds []faultKind) fault {
	if len(kinds) == 0 || uniform(t, 8) < 7 {
		return fault{}
	}
	return fault{kinds[uniform(t, len(kinds))], 1 + uniform(t, 3)}
}

// trigger makes a fault happen at its statement. It travels in the operation's
// context, to the driver beneath the client.
type trigger struct {
	fault  fault
	seen   int
	cancel context.CancelFunc
	kill   func(context.Context) error
}

type triggerKey struct{}

// around runs a statement, and what is to go wrong before or after it.
func around(ctx context.Context, statement func() error) error {
	t, ok := ctx.Value(triggerKey{}).(*trigger)
	if !ok {
		return statement()
	}
	t.seen++
	now := t.seen == t.fault.at
	if now && t.fault.kind == cancelAt {
		t.cancel()
	}
	if now && t.fault.kind == killAt {
		if err := t.kill(ctx); err != nil {
			return fmt.Errorf("killing connections: %w", err)
		}
	}
	err := statement()
	if now && t.fault.kind == cancelAfter {
		t.cancel()
	}
	return err
}

// faulty is a driver whose statements trigger the faults of their contexts.
type faulty struct{ dialect.Driver }

// Exec implements [dialect.Driver].
func (f faulty) Exec(ctx context.Context, query string, args, v any) error {
	return around(ctx, func() error { return f.Driver.Exec(ctx, query, args, v) })
}

// Query implements [dialect.Driver].
func (f faulty) Query(ctx context.Context, query string, args, v any) error {
	return around(ctx, func() error { return f.Driver.Query(ctx, query, args, v) })
}

// ExecContext is what ent's feature sql/execquery calls.
func (f faulty) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execContext(ctx, f.Driver, query, args)
}

// QueryContext is what ent's feature sql/execquery calls.
func (f faulty) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryContext(ctx, f.Driver, query, args)
}

// Tx implements [dialect.Driver].
func (f faulty) Tx(ctx context.Context) (dialect.Tx, error) {
	tx, err := f.Driver.Tx(ctx)
	if err != nil {
		return nil, err
	}
	return faultyTx{tx}, nil
}

// BeginTx is what the client's method of the same name calls.
func (f faulty) BeginTx(ctx context.Context, opts *sql.TxOptions) (dialect.Tx, error) {
	beginner, ok := f.Driver.(interface {
		BeginTx(context.Context, *sql.TxOptions) (dialect.Tx, error)
	})
	if !ok {
		return nil, errors.New("the driver has no BeginTx")
	}
	tx, err := beginner.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return faultyTx{tx}, nil
}

type faultyTx struct{ dialect.Tx }

func (f faultyTx) Exec(ctx context.Context, query string, args, v any) error {
	return around(ctx, func() error { return f.Tx.Exec(ctx, query, args, v) })
}

func (f faultyTx) Query(ctx context.Context, query string, args, v any) error {
	return around(ctx, func() error { return f.Tx.Query(ctx, query, args, v) })
}

func (f faultyTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execContext(ctx, f.Tx, query, args)
}

func (f faultyTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryContext(ctx, f.Tx, query, args)
}

func execContext(ctx context.Context, inner any, query string, args []any) (result sql.Result, err error) {
	execer, ok := inner.(interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	})
	if !ok {
		return nil, errors.New("the driver has no ExecContext")
	}
	err = around(ctx, func() error {
		var err error
		result, err = execer.ExecContext(ctx, query, args...)
		return err
	})
	return result, err
}

func queryContext(ctx context.Context, inner any, query string, args []any) (rows *sql.Rows, err error) {
	querier, ok := inner.(interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	})
	if !ok {
		return nil, errors.New("the driver has no QueryContext")
	}
	err = around(ctx, func() error {
		var err error
		rows, err = querier.QueryContext(ctx, query, args...) //nolint:rowserrcheck,sqlclosecheck // The caller's.
		return err
	})
	return rows, err
}
