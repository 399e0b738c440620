package app

import (
	"cmp"
	"context"

	"entgo.io/ent/dialect"
	moderncsqlite "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/registry"
)

// OwnPlace reports whether a tenant has a place of its own, and is not in shared tables.
func (a *App) OwnPlace(t tenancy.Tenant) bool {
	t, _ = a.Place(t) // it does not fail
	return t.Isolation == tenancy.IsolationSchema || t.Isolation == tenancy.IsolationDatabase
}

// Places counts where migrations have to be applied: each place of a tenant's own,
// and the home if it has migrations or tenants. It is for showing progress: tenants
// come and go meanwhile.
func (a *App) Places(ctx context.Context) (int, error) {
	all, own := 0, 0
	for _, status := range []tenancy.Status{tenancy.StatusProvisioning, tenancy.StatusActive, tenancy.StatusSuspended} {
		n, err := a.Tenants.Count(ctx, registry.Query{Status: status})
		if err != nil {
			return 0, err
		}
		all, own = all+n, own+n
		for _, isolation := range tenancy.Isolations() {
			if a.OwnPlace(tenancy.Tenant{Isolation: isolation}) == a.OwnPlace(tenancy.Tenant{}) {
				continue // with those that have none
			}
			n, err := a.Tenants.Count(ctx, registry.Query{Status: status, Isolation: isolation})
			if err != nil {
				return 0, err
			}
			own -= n
		}
	}
	if !a.OwnPlace(tenancy.Tenant{}) {
		own = all - own
	}
	if _, shared, _ := a.Config.Migrations.Directories(); shared != "" || own < all {
		own++
	}
	return own, nil
}

// Schema is the PostgreSQL schema of the shared tables. Empty on other databases.
func (a *App) Schema() string {
	if a.Dialect == dialect.Postgres {
		return cmp.Or(a.Config.Database.GlobalSchema, "public")
	}
	return ""
}

// OneRole reports whether the role that serves requests keeps the registry as well.
func (a *App) OneRole() bool {
	serving, keeper := a.Config.Database.URL, a.Config.Database.AdminURL
	return serving.Equal(keeper) || userOf(serving) != "" && userOf(serving) == userOf(keeper)
}

// ServingRole is the user of the database URL, empty if that names none.
func (a *App) ServingRole() string { return userOf(a.Config.Database.URL) }

// File returns the file of a tenant, on SQLite. It is empty for a tenant in shared tables.
func (a *App) File(t tenancy.Tenant) (string, error) {
	t, err := a.Place(t)
	if err != nil || !a.OwnPlace(t) {
		return "", err
	}
	files, err := sqlite.New(sqlite.Config{Driver: &moderncsqlite.Driver{}, Dir: a.Config.Database.TenantsDir})
	if err != nil {
		return "", err
	}
	return files.Path(t)
}
