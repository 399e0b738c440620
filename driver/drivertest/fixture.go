package drivertest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// fixture is one driver under test.
type fixture struct {
	Cell
	*driver.Driver
	home *seen
	// ofTenants and ofAll are how a client of the driver qualifies tables.
	ofTenants, ofAll string
	// batch marks the rows of this fixture.
	batch string
}

// open makes a driver for the cell, with changes to its configuration.
func (c Cell) open(t *testing.T, changes ...func(*driver.Config)) *fixture {
	t.Helper()
	var config driver.Config
	if c.Config != nil {
		config = c.Config(t)
	}
	for _, change := range changes {
		change(&config)
	}
	home := &seen{Driver: c.Home(t)}
	drv, err := driver.New(home, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = drv.Close() })
	f := &fixture{Cell: c, Driver: drv, home: home, batch: rand.Text()}
	f.ofTenants, f.ofAll = drv.TableSchemas()
	return f
}

// queryer is the driver, or a transaction of it.
type queryer interface {
	dialect.ExecQuerier
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// begin begins a transaction of the scope.
func (f *fixture) begin(ctx context.Context, t *testing.T) tx {
	t.Helper()
	began, err := f.Tx(ctx)
	if err != nil {
		t.Fatalf("a transaction does not begin: %v", err)
	}
	return tx{began, t}.check()
}

// tx is a transaction with the optional methods.
type tx struct {
	dialect.Tx
	t *testing.T
}

func (x tx) check() tx {
	x.t.Helper()
	if _, ok := x.Tx.(queryer); !ok {
		x.t.Fatalf("%T has no ExecContext or no QueryContext", x.Tx)
	}
	return x
}

func (x tx) raw() queryer { return x.Tx.(queryer) }

// as is the context of the tenant of a number.
func (c Cell) as(t *testing.T, n int) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), c.Tenants[n])
}

func system(t *testing.T) context.Context {
	t.Helper()
	return tenancy.System(t.Context(), "drivertest")
}

// where restricts a statement to rows of the batch and, where nothing else does,
// of the tenant.
func (f *fixture) where(ctx context.Context) *entsql.Predicate {
	p := entsql.EQ("batch", f.batch)
	if tenant, err := tenancy.FromContext(ctx); err == nil && !f.Held {
		p = entsql.And(p, entsql.EQ("tenant_id", string(tenant.ID)))
	}
	return p
}

// insert is the statement that adds a row of the tenant, or of nobody.
func (f *fixture) insert(ctx context.Context, id string) (string, []any) {
	owner := "nobody"
	if tenant, err := tenancy.FromContext(ctx); err == nil {
		owner = string(tenant.ID)
	}
	return entsql.Dialect(f.Dialect()).Insert(items).Schema(f.ofTenants).Columns("id", "tenant_id", "batch").Values(id, owner, f.batch).Query()
}

// list is the statement that lists the rows of the batch.
func (f *fixture) list(ctx context.Context) (string, []any) {
	d := entsql.Dialect(f.Dialect())
	return d.Select("tenant_id").From(d.Table(items).Schema(f.ofTenants)).Where(f.where(ctx)).Query()
}

func (f *fixture) add(ctx context.Context, on queryer) error {
	query, args := f.insert(ctx, rand.Text())
	_, err := on.ExecContext(ctx, query, args...)
	return err
}

// sees returns the tenants of the rows of the batch that a statement sees.
func (f *fixture) sees(ctx context.Context, on queryer) (owners []string, err error) {
	if f.QueryInTx && !isTx(on) {
		return f.finds(ctx, on)
	}
	query, args := f.list(ctx)
	found, err := on.QueryContext(ctx, query, args...) //nolint:rowserrcheck // texts does
	if err != nil {
		return nil, err
	}
	return texts(found)
}

// finds is sees by the method of dialect.Driver.
func (f *fixture) finds(ctx context.Context, on queryer) (owners []string, err error) {
	query, args := f.list(ctx)
	var found entsql.Rows
	if err := on.Query(ctx, query, args, &found); err != nil {
		return nil, err
	}
	return texts(found)
}

func texts(found entsql.ColumnScanner) (all []string, err error) {
	defer func() { err = errors.Join(err, found.Close()) }()
	for found.Next() {
		var s string
		if err := found.Scan(&s); err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, found.Err()
}

// wantOwn fails the test unless a tenant sees its own rows, so many of them, and
// no others.
func (f *fixture) wantOwn(ctx context.Context, t *testing.T, on queryer, want int) {
	t.Helper()
	tenant, err := tenancy.FromContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for how, see := range map[string]func(context.Context, queryer) ([]string, error){"QueryContext": f.sees, "Query": f.finds} {
		owners, err := see(ctx, on)
		if err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if len(owners) != want || slices.ContainsFunc(owners, func(o string) bool { return o != string(tenant.ID) }) {
			t.Errorf("%s: %s sees the rows of %q, want %d of its own", how, tenant, owners, want)
		}
	}
}

// wantError fails the test unless the error has the meaning.
func wantError(t *testing.T, what string, err, meaning error) {
	t.Helper()
	if !errors.Is(err, meaning) {
		t.Errorf("%s: the error is %v, want %v", what, err, meaning)
	}
}

// wantIdle fails the test unless all connections are given back: soon, since
// database/sql gives back in the background what a context has ended.
func (f *fixture) wantIdle(t *testing.T) {
	t.Helper()
	patience := time.NewTimer(10 * time.Second)
	defer patience.Stop()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		n := f.home.inUse()
		for _, server := range f.Stats().Servers {
			n += server.Open - server.Idle
		}
		if n == 0 {
			return
		}
		select {
		case <-again.C:
		case <-patience.C:
			t.Errorf("%d connections are in use, want all given back", n)
			return
		}
	}
}
