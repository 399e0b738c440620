package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// ErrNeedsTransaction means that QueryContext was called outside a transaction
// on a [TxDriver]. Its rows cannot end the transaction that they would need.
var ErrNeedsTransaction = errors.New("postgres: QueryContext needs a transaction here: begin one with Tx")

// TxDriver makes any PostgreSQL driver act for the tenant of each statement's
// context, by a transaction for each. It is made by [Transactions], and as safe
// for concurrent use as the driver that it wraps.
//
// A statement whose context has neither a tenant nor a System scope fails with
// tenancy.ErrNoTenant, and nothing is sent.
type TxDriver struct {
	inner  dialect.Driver
	scopes *Connector // that opens nothing: it reads scopes as all connectors do
}

var _ dialect.Driver = (*TxDriver)(nil)

// Transactions wraps an ent driver over any database/sql driver, such as lib/pq
// or pgx's stdlib, for driver.New. Where pgx can be used, [NewConnector] is
// better: here a statement takes four round trips (BEGIN, the settings, the
// statement, COMMIT) where the connector takes one, and SQL on the *sql.DB
// beneath is not held at all.
//
// Scopes, settings and refusals are those of the package comment, for
// tenancy.IsolationRLS and tenancy.IsolationSchema. A System scope takes no
// transaction and no settings, and has to clean up: what it leaves on a connection,
// by SET or CREATE TEMPORARY TABLE, is there for the next tenant. Give it a pool of
// its own, driver.Config.System.
//
// The rows of Query hold their transaction until they are read to the end or
// closed. It is committed then, and an error of that is the rows' Err, or
// Close's if they were closed before the end. QueryContext outside a transaction
// is [ErrNeedsTransaction] with a tenant.
func Transactions(inner dialect.Driver) *TxDriver {
	return &TxDriver{inner: inner, scopes: new(Connector)}
}

// Switches implements package driver's Switcher.
func (d *TxDriver) Switches(isolation tenancy.Isolation) bool {
	return connectorOnly{}.Switches(isolation) && d.Dialect() == dialect.Postgres
}

// Dialect implements [dialect.Driver].
func (d *TxDriver) Dialect() string { return d.inner.Dialect() }

// Close closes the wrapped driver.
func (d *TxDriver) Close() error { return d.inner.Close() }

// Exec implements [dialect.Driver].
func (d *TxDriver) Exec(ctx context.Context, query string, args, v any) error {
	return d.within(ctx, query, func(on dialect.ExecQuerier) error { return on.Exec(ctx, query, args, v) })
}

// ExecContext runs SQL written by hand.
func (d *TxDriver) ExecContext(ctx context.Context, query string, args ...any) (result sql.Result, err error) {
	err = d.within(ctx, query, func(on dialect.ExecQuerier) error {
		result, err = execContext(ctx, on, query, args)
		return err
	})
	return result, err
}

// Query implements [dialect.Driver]. Its rows have no further result sets.
func (d *TxDriver) Query(ctx context.Context, query string, args, v any) error {
	at, err := d.admit(ctx, query)
	if err != nil {
		return err
	}
	if at.system {
		return d.inner.Query(ctx, query, args, v)
	}
	rows, ok := v.(*entsql.Rows)
	if !ok {
		return fmt.Errorf("postgres: Query needs a *sql.Rows of ent, and got a %T", v)
	}
	tx, err := d.begin(ctx, at, nil)
	if err != nil {
		return err
	}
	if err := tx.Tx.Query(ctx, query, args, v); err != nil {
		return errors.Join(err, undo(tx.Tx))
	}
	rows.ColumnScanner = &txRows{ColumnScanner: rows.ColumnScanner, tx: tx.Tx}
	return nil
}

// QueryContext fails with [ErrNeedsTransaction] unless in a System scope.
func (d *TxDriver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	at, err := d.admit(ctx, query)
	switch {
	case err != nil:
		return nil, err
	case !at.system:
		return nil, ErrNeedsTransaction
	}
	return queryContext(ctx, d.inner, query, args)
}

// Tx implements [dialect.Driver]. The transaction belongs to the scope of ctx: a
// statement under another fails with tenancy.ErrCrossTenant.
func (d *TxDriver) Tx(ctx context.Context) (dialect.Tx, error) { return d.BeginTx(ctx, nil) }

// BeginTx is Tx with options.
func (d *TxDriver) BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error) {
	at, err := d.admit(ctx, "")
	if err != nil {
		return nil, err
	}
	tx, err := d.begin(ctx, at, options)
	if err != nil {
		return nil, err
	}
	return tx, nil
}

// within runs one statement in a transaction of its own.
func (d *TxDriver) within(ctx context.Context, query string, run func(dialect.ExecQuerier) error) error {
	at, err := d.admit(ctx, query)
	if err != nil {
		return err
	}
	if at.system {
		return run(d.inner)
	}
	tx, err := d.begin(ctx, at, nil)
	if err != nil {
		return err
	}
	if err := run(tx.Tx); err != nil {
		return errors.Join(err, undo(tx.Tx))
	}
	return finish(tx.Tx)
}

// admit reads the scope of ctx, and refuses what would leave it.
func (d *TxDriver) admit(ctx context.Context, query string) (place, error) {
	at, err := d.scopes.placeOf(ctx)
	if err != nil || at.system {
		return at, err
	}
	// All of the text: a driver may send one without arguments as a script.
	return at, checkScript(way{at: at, inTx: true}, query)
}

// begin opens a transaction and makes the settings of at in it.
func (d *TxDriver) begin(ctx context.Context, at place, options *sql.TxOptions) (*pinnedTx, error) {
	inner, err := d.beginInner(ctx, options)
	if err != nil {
		return nil, err
	}
	if at.system {
		return &pinnedTx{Tx: inner, driver: d, at: at}, nil
	}
	set, args := newSetters()[0].sql, []any{string(at.id)}
	if at.schema != "" {
		set, args = newSetters()[1].sql, append(args, quoteIdentifier(at.schema))
	}
	if err := inner.Exec(ctx, set, args, nil); err != nil {
		return nil, errors.Join(err, undo(inner))
	}
	return &pinnedTx{Tx: inner, driver: d, at: at}, nil
}

func (d *TxDriver) beginInner(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error) {
	if options == nil {
		return d.inner.Tx(ctx)
	}
	inner, ok := d.inner.(interface {
		BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error)
	})
	if !ok {
		return nil, fmt.Errorf("postgres: %T has no BeginTx", d.inner)
	}
	return inner.BeginTx(ctx, options)
}

// pinnedTx is a transaction of the scope that began it.
type pinnedTx struct {
	dialect.Tx
	driver *TxDriver
	at     place
}

// admit says whether a statement may run in the transaction.
func (t *pinnedTx) admit(ctx context.Context, query string) error {
	at, err := t.driver.admit(ctx, query)
	if err == nil && !t.at.same(at) {
		err = crossTenant()
	}
	return err
}

func (t *pinnedTx) Exec(ctx context.Context, query string, args, v any) error {
	if err := t.admit(ctx, query); err != nil {
		return err
	}
	return t.Tx.Exec(ctx, query, args, v)
}

func (t *pinnedTx) Query(ctx context.Context, query string, args, v any) error {
	if err := t.admit(ctx, query); err != nil {
		return err
	}
	return t.Tx.Query(ctx, query, args, v)
}

func (t *pinnedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.admit(ctx, query); err != nil {
		return nil, err
	}
	return execContext(ctx, t.Tx, query, args)
}

func (t *pinnedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.admit(ctx, query); err != nil {
		return nil, err
	}
	return queryContext(ctx, t.Tx, query, args)
}

func execContext(ctx context.Context, on any, query string, args []any) (sql.Result, error) {
	raw, ok := on.(interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	})
	if !ok {
		return nil, fmt.Errorf("postgres: %T has no ExecContext", on)
	}
	return raw.ExecContext(ctx, query, args...)
}

func queryContext(ctx context.Context, on any, query string, args []any) (*sql.Rows, error) {
	raw, ok := on.(interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	})
	if !ok {
		return nil, fmt.Errorf("postgres: %T has no QueryContext", on)
	}
	return raw.QueryContext(ctx, query, args...)
}
