package app

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/catalog"
	"github.com/entenancy/tenancy/internal/mysqldsn"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/schema"
)

// Lifecycle returns what makes tenants and sees them through their life. The one that it
// is for says what has to be known: t has its isolation, and an id if it exists.
func (a *App) Lifecycle(ctx context.Context, t tenancy.Tenant) (*manager.Lifecycle, error) {
	if a.OwnPlace(t) {
		return a.lifecycle(ctx, t, schema.Metadata{})
	}
	return a.Erasing(ctx, t)
}

// Erasing is Lifecycle for erasing: one with a place of its own may have left rows in
// shared tables, too.
func (a *App) Erasing(ctx context.Context, t tenancy.Tenant) (*manager.Lifecycle, error) {
	tables, err := a.TenantTables(ctx, a.Home, a.Schema())
	if err != nil {
		return nil, err
	}
	return a.lifecycle(ctx, t, tables)
}

func (a *App) lifecycle(ctx context.Context, t tenancy.Tenant, tables schema.Metadata) (*manager.Lifecycle, error) {
	config := a.Config.Config
	if !a.OwnPlace(t) {
		config.Migrations.Dir, config.Migrations.SharedDir = "", ""
	}
	m, err := a.manage(ctx, config, tables)
	if err != nil {
		return nil, err
	}
	return m.Lifecycle(), nil
}

// NamespacePrefix is what the names of tenants' namespaces begin with.
func (a *App) NamespacePrefix() string { return cmp.Or(a.Config.Isolation.Prefix, "tenant_") }

// TenantTables returns the tables of a schema that hold rows of tenants. It fails
// where it can see that the tenant column of one is not configured.
func (a *App) TenantTables(ctx context.Context, db *sql.DB, schemaName string) (schema.Metadata, error) {
	return catalog.Tenants(ctx, db, a.Dialect, schemaName, a.Config.TenantColumns())
}

// verify looks at what was made as the role that will serve from it, on PostgreSQL
// where that is not the owner.
func (a *App) verify(ctx context.Context, t tenancy.Tenant) error {
	if a.Dialect != dialect.Postgres || a.Config.Database.URL.Equal(a.Config.Database.AdminURL) {
		return nil
	}
	at, schemaName := a.Home, a.Schema()
	if t.Isolation == tenancy.IsolationSchema {
		schemaName = t.Placement.Schema
	}
	if t.Isolation == tenancy.IsolationDatabase {
		own, err := a.Open(ctx, t)
		if err != nil {
			return err
		}
		defer func() { _ = own.DB.Close() }() // it was only read
		at = own.DB
	}
	tables, err := a.TenantTables(ctx, at, schemaName)
	if err != nil {
		return err
	}
	if len(tables.Tables) == 0 {
		return fmt.Errorf("no table has the column %s: check the migrations, and --tenant-column", a.Config.TenantColumn)
	}
	return manager.VerifyPostgres(a.Serving(), tables, a.PostgresConfig())(ctx, t)
}

// LooseKeys returns the foreign keys of the home that do not include the tenant and could.
func (a *App) LooseKeys(ctx context.Context) ([]string, error) {
	return catalog.Loose(ctx, a.Home, a.Dialect, a.Schema(), a.Config.TenantColumns())
}

// Statuses returns a lifecycle that changes the status of tenants, and not their places.
func (a *App) Statuses() *manager.Lifecycle { return a.base.Lifecycle() }

// Holdings names what a tenant has, as far as erasing it would remove it: its
// namespace, and the shared tables that may hold rows of it.
func (a *App) Holdings(ctx context.Context, t tenancy.Tenant) ([]string, error) {
	t, err := a.Place(t)
	if err != nil {
		return nil, err
	}
	shared, err := a.sharedHoldings(ctx)
	if err != nil {
		return nil, err
	}
	switch t.Isolation {
	case tenancy.IsolationSchema:
		return append([]string{"schema " + t.Placement.Schema}, shared...), nil
	case tenancy.IsolationDatabase:
		return append([]string{"database " + DatabaseName(t)}, shared...), nil
	default:
		return shared, nil
	}
}

// sharedHoldings names the shared tables that may hold rows of a tenant.
func (a *App) sharedHoldings(ctx context.Context) ([]string, error) {
	tables, err := a.TenantTables(ctx, a.Home, a.Schema())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, table := range tables.Tables {
		names = append(names, "rows of "+table.Name)
	}
	return names, nil
}

// DatabaseName returns the name of the database or file that a tenant's URL or
// DSN ends with, empty where nothing can be read.
func DatabaseName(t tenancy.Tenant) string {
	address := t.Placement.DatabaseURL.Reveal()
	if isURL(address) {
		at, err := url.Parse(address)
		if err != nil {
			return ""
		}
		return at.Path[strings.LastIndexByte(at.Path, '/')+1:]
	}
	at, _ := mysqldsn.Parse(address) // in which a login may hold anything
	if unescaped, err := url.PathUnescape(at.Name); err == nil {
		return unescaped
	}
	return at.Name
}
