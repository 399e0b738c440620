package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// ErrNoRegistry means that the registry's tables were not made yet.
var ErrNoRegistry = errors.New("there is no registry in this database yet: run `tenancy migrate apply`, which makes it")

// Explain returns an error with [ErrNoRegistry] where that is why, and names the setting
// where it is a key.
func (a *App) Explain(ctx context.Context, err error) error {
	switch {
	case a.unregistered(ctx, err):
		return fmt.Errorf("%w: %w", ErrNoRegistry, err)
	case errors.Is(err, crypt.ErrDecrypt):
		return fmt.Errorf("%w: set TENANCY_ENCRYPTION_KEY, or TENANCY_ENCRYPTION_OLD_KEYS, as the application has it", err)
	}
	return err
}

// unregistered reports whether an error comes of the registry's table, and that is not
// there. What the database says of it is in its own words.
func (a *App) unregistered(ctx context.Context, err error) bool {
	if err == nil || errors.Is(err, ErrNoRegistry) || !strings.Contains(err.Error(), tenant.Table) {
		return false
	}
	query := "SELECT name FROM sqlite_schema WHERE name = '" + tenant.Table + "'"
	switch a.Dialect {
	case dialect.Postgres:
		query = "SELECT relname FROM pg_class WHERE oid = to_regclass('" + tenant.Table + "')"
	case dialect.MySQL:
		query = "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '" + tenant.Table + "'"
	}
	var name string
	return errors.Is(a.Home.QueryRowContext(ctx, query).Scan(&name), sql.ErrNoRows)
}

// fleet goes through the tenants to migrate: none where there is no registry, as before
// the first run.
func (a *App) fleet(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
	return func(yield func(tenancy.Tenant, error) bool) {
		for t, err := range a.All(ctx) {
			if t.ID == "" && a.unregistered(ctx, err) || !yield(t, err) {
				return
			}
		}
	}
}

// Taken reports whether a tenant has an identifier.
func (a *App) Taken(ctx context.Context, identifier string) (bool, error) {
	_, err := a.Tenants.ByIdentifier(ctx, identifier)
	if errors.Is(err, tenancy.ErrNotFound) || a.unregistered(ctx, err) {
		return false, nil
	}
	return err == nil, err
}

// All goes through all tenants.
func (a *App) All(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
	return registry.All(ctx, a.Tenants, registry.Query{Limit: registry.MaxLimit})
}
