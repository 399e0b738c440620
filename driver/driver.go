package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/nowatch"
	"github.com/entenancy/tenancy/internal/tableplaces"
)

// Driver is a [dialect.Driver] that sends each statement to the place of its
// tenant. It is made by [New], and safe for concurrent use.
//
// A statement whose context has neither a tenant nor a System scope fails with
// tenancy.ErrNoTenant, and nothing is sent.
type Driver struct {
	home     dialect.Driver
	system   dialect.Driver
	replicas []*replicaDriver // of the home
	dialect  string
	config   Config
	names    names
	ready    *readiness
	pools    *pools // nil where no tenant has a database of its own
	rls      bool   // the home switches to tenants behind row-level security
	schema   bool   // and to those with a schema
	turn     atomic.Uint64
}

var _ dialect.Driver = (*Driver)(nil)

// New returns a driver for the tenants that live in the home and elsewhere. It
// connects to nothing. The home and the drivers in config are closed with it.
func New(home dialect.Driver, config Config) (*Driver, error) {
	if err := config.validate(home); err != nil {
		return nil, err
	}
	d := &Driver{
		home: home, system: config.System, dialect: home.Dialect(), config: config,
		names:  namesOf(home.Dialect(), config.GlobalSchema),
		ready:  newReadiness(config.Ready),
		rls:    switches(home, tenancy.IsolationRLS),
		schema: switches(home, tenancy.IsolationSchema),
	}
	if d.system == nil {
		d.system = home
	}
	d.replicas = replicasOf(config)
	if config.Databases.Open != nil {
		var err error
		if d.pools, err = newPools(d.dialect, config.Databases); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// Dialect implements [dialect.Driver].
func (d *Driver) Dialect() string { return d.dialect }

// Exec implements [dialect.Driver].
func (d *Driver) Exec(ctx context.Context, query string, args, v any) error {
	var r route
	ctx, err := d.route(ctx, &r, tenancy.OperationExec, query)
	if err != nil {
		return err
	}
	defer r.done()
	return r.end(ctx, r.driver.Exec(ctx, r.query, args, v))
}

// Query implements [dialect.Driver]. The rows have to be closed, as ent does: on
// PostgreSQL the end of ctx ends them, and does not give their connection back.
func (d *Driver) Query(ctx context.Context, query string, args, v any) error {
	if q, ok := v.(*tableplaces.Question); ok {
		return d.answer(ctx, q, d.home)
	}
	var r route
	ctx, err := d.route(ctx, &r, tenancy.OperationQuery, query)
	if err != nil {
		return err
	}
	defer r.done()
	watched := ctx
	if d.dialect == dialect.Postgres && (d.rls || d.schema || r.pool != nil) {
		// database/sql starts a goroutine for each query to watch ctx. driver/postgres
		// watches it itself, so once that has it, database/sql is not to see its Done.
		watched = nowatch.New(ctx)
	}
	err = r.driver.Query(watched, r.query, args, v)
	if r.redirectToPrimary(ctx, err) {
		err = r.driver.Query(watched, r.query, args, v)
	}
	return r.end(ctx, err)
}

// execer and queryer are what ent's sql/execquery feature asks of a driver.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// ExecContext runs SQL written by hand in the place of the tenant. It is held
// by what the database does for that place, and by nothing else.
func (d *Driver) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	var r route
	ctx, err := d.route(ctx, &r, tenancy.OperationExec, query)
	if err != nil {
		return nil, err
	}
	defer r.done()
	raw, ok := r.driver.(execer)
	if !ok {
		return nil, r.end(ctx, unsupported(r.driver, "ExecContext"))
	}
	result, err := raw.ExecContext(ctx, r.query, args...)
	return result, r.end(ctx, err)
}

// QueryContext is ExecContext for SQL that returns rows.
func (d *Driver) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	var r route
	ctx, err := d.route(ctx, &r, tenancy.OperationQuery, query)
	if err != nil {
		return nil, err
	}
	defer r.done()
	rows, err := r.queryContext(ctx, args)
	if r.redirectToPrimary(ctx, err) {
		rows, err = r.queryContext(ctx, args)
	}
	return rows, r.end(ctx, err)
}

func (r *route) queryContext(ctx context.Context, args []any) (*sql.Rows, error) {
	raw, ok := r.driver.(queryer)
	if !ok {
		return nil, unsupported(r.driver, "QueryContext")
	}
	return raw.QueryContext(ctx, r.query, args...)
}

// Close closes the home, the other drivers of the Config, and every pool.
func (d *Driver) Close() error {
	all := append([]dialect.Driver{d.home}, d.config.Replicas...)
	if d.config.System != nil && !same(d.config.System, d.home) {
		all = append(all, d.config.System)
	}
	var err error
	for _, each := range all {
		err = errors.Join(err, each.Close())
	}
	if d.pools != nil {
		err = errors.Join(err, d.pools.close())
	}
	return err
}

// same reports whether two drivers are known to be one. Those of a type that cannot
// be compared are not.
func same(a, b dialect.Driver) bool {
	return reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}

// TableSchemas returns the names by which a client has to qualify the tables of
// tenants and of global entities for this driver, empty where it need not. The
// generated option TenancyDriver asks for them.
func (d *Driver) TableSchemas() (tenants, globals string) {
	switch {
	case d.dialect == dialect.SQLite: // ent qualifies nothing there
		return "", ""
	case d.dialect == dialect.MySQL && d.schema, d.pools != nil:
		return tenantTables, globalTables
	case d.schema:
		return "", globalTables
	}
	return "", ""
}

func unsupported(d any, method string) error {
	return fmt.Errorf("driver: %T has no %s", d, method)
}
