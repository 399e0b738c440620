package mysql

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// Driver is a home whose statements name the schema of their tenant. It is made
// by [Schemas], and as safe for concurrent use as the driver that it wraps.
//
// A statement whose context has neither a tenant nor a System scope fails with
// tenancy.ErrNoTenant, and nothing is sent.
type Driver struct{ home dialect.Driver }

var (
	_ dialect.Driver  = (*Driver)(nil)
	_ driver.Switcher = (*Driver)(nil)
)

// Schemas wraps the driver of a home, for driver.New. The home's connections
// need a database of their own, that of the shared and the global tables.
func Schemas(home dialect.Driver) *Driver { return &Driver{home: home} }

// Switches implements [driver.Switcher].
func (d *Driver) Switches(isolation tenancy.Isolation) bool {
	return isolation == tenancy.IsolationSchema && d.Dialect() == dialect.MySQL
}

// Dialect implements [dialect.Driver].
func (d *Driver) Dialect() string { return d.home.Dialect() }

// Close closes the home.
func (d *Driver) Close() error { return d.home.Close() }

// Exec implements [dialect.Driver].
func (d *Driver) Exec(ctx context.Context, query string, args, v any) error {
	return exec(ctx, d.home, query, args, v)
}

// Query implements [dialect.Driver].
func (d *Driver) Query(ctx context.Context, query string, args, v any) error {
	return find(ctx, d.home, query, args, v)
}

// ExecContext runs SQL written by hand, held as the package comment says.
func (d *Driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execContext(ctx, d.home, query, args)
}

// QueryContext is ExecContext for SQL that returns rows.
func (d *Driver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryContext(ctx, d.home, query, args)
}

// Tx implements [dialect.Driver]. The transaction's statements are held like
// others; that they are all of one tenant is package driver's business.
func (d *Driver) Tx(ctx context.Context) (dialect.Tx, error) {
	return begun(d.home.Tx(ctx))
}

// BeginTx is Tx with options.
func (d *Driver) BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error) {
	home, ok := d.home.(interface {
		BeginTx(ctx context.Context, options *sql.TxOptions) (dialect.Tx, error)
	})
	if !ok {
		return nil, unsupported(d.home, "BeginTx")
	}
	return begun(home.BeginTx(ctx, options))
}

// tx is a transaction in the home.
type tx struct{ dialect.Tx }

func begun(in dialect.Tx, err error) (dialect.Tx, error) {
	if err != nil {
		return nil, err
	}
	return tx{in}, nil
}

func (t tx) Exec(ctx context.Context, query string, args, v any) error {
	return exec(ctx, t.Tx, query, args, v)
}

func (t tx) Query(ctx context.Context, query string, args, v any) error {
	return find(ctx, t.Tx, query, args, v)
}

func (t tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return execContext(ctx, t.Tx, query, args)
}

func (t tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return queryContext(ctx, t.Tx, query, args)
}

func exec(ctx context.Context, on dialect.ExecQuerier, query string, args, v any) error {
	query, err := statement(ctx, query)
	if err != nil {
		return err
	}
	return on.Exec(ctx, query, args, v)
}

func find(ctx context.Context, on dialect.ExecQuerier, query string, args, v any) error {
	query, err := statement(ctx, query)
	if err != nil {
		return err
	}
	return on.Query(ctx, query, args, v)
}

func execContext(ctx context.Context, on dialect.ExecQuerier, query string, args []any) (sql.Result, error) {
	query, err := statement(ctx, query)
	if err != nil {
		return nil, err
	}
	raw, ok := on.(interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	})
	if !ok {
		return nil, unsupported(on, "ExecContext")
	}
	return raw.ExecContext(ctx, query, args...)
}

func queryContext(ctx context.Context, on dialect.ExecQuerier, query string, args []any) (*sql.Rows, error) {
	query, err := statement(ctx, query)
	if err != nil {
		return nil, err
	}
	raw, ok := on.(interface {
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	})
	if !ok {
		return nil, unsupported(on, "QueryContext")
	}
	return raw.QueryContext(ctx, query, args...)
}

func unsupported(on any, method string) error {
	return fmt.Errorf("mysql: %T has no %s", on, method)
}
