package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the database driver "sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/sqliteurl"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// App is an application's registry and home, open.
type App struct {
	// Operator does what an application does not do by itself.
	manager.Operator

	Config Config
	// Dialect is the home's, as in package entgo.io/ent/dialect.
	Dialect string
	// Home is the database with the registry and the shared tables, as the role
	// that owns them.
	Home *sql.DB
	// Tenants is the registry, and tells applications of changes.
	Tenants registry.Store

	base   *manager.Manager   // without tables and migrations
	opened []*manager.Manager // all
}

// Open opens what the configuration names. It connects where it has to.
func Open(ctx context.Context, config Config) (*App, error) {
	if config.Database.URL.IsZero() {
		return nil, errNoDatabase
	}
	a := &App{Config: config, Dialect: config.Database.Dialect()}
	if a.Dialect == dialect.SQLite && config.Database.TenantsDir == "" {
		a.Config.Database.TenantsDir = filepath.Join(filepath.Dir(a.file()), "tenants")
	}
	_ = mysql.SetLogger(&mysql.NopLogger{}) // an error is told once, as one
	plain := a.Config.Config
	plain.Migrations.Dir, plain.Migrations.SharedDir = "", ""
	var err error
	if a.base, err = a.manage(ctx, plain, schema.Metadata{}); err != nil {
		return nil, err
	}
	a.Operator, a.Tenants = a.base.Operator(), a.base.Store()
	a.Home = a.Operator.Home()
	return a, nil
}

// manage returns a manager that knows of these migrations and shared tables. Which
// they are is found out when somebody needs them: the registry can be used without.
func (a *App) manage(ctx context.Context, config manager.Config, tables schema.Metadata) (*manager.Manager, error) {
	m, err := manager.New(ctx, config, manager.App{
		Tenancy: tables, Verify: a.verify, Roles: a.roles(), Logger: a.Config.Log,
	})
	if err == nil {
		a.opened = append(a.opened, m)
	}
	return m, err
}

// roles are those that serve requests. The one of the database URL is among them,
// unless it is the owner; on MySQL for any host, unless an account of it is named.
func (a *App) roles() []string {
	roles := list(a.Config.Roles)
	if len(roles) == 0 {
		return nil // the manager's default
	}
	serving := userOf(a.Config.Database.URL)
	if serving == "" || serving == userOf(a.Config.Database.AdminURL) || slices.ContainsFunc(roles, a.roleOf(serving)) {
		return roles
	}
	if a.Dialect == dialect.MySQL {
		serving += "@%"
	}
	return append(roles, serving)
}

// roleOf returns what tells whether a role is a user, or on MySQL an account of it.
func (a *App) roleOf(user string) func(role string) bool {
	return func(role string) bool {
		if i := strings.LastIndexByte(role, '@'); a.Dialect == dialect.MySQL && i >= 0 {
			role = role[:i]
		}
		return role == user
	}
}

// file is the home's, on SQLite. It is empty where the URL names none.
func (a *App) file() string {
	path, _ := sqliteurl.Path(a.Config.Database.URL.Reveal())
	return path
}

// Look fails where there is no home. On SQLite connecting would make one, and who
// only looks leaves nothing behind; elsewhere connecting says so.
func (a *App) Look() error {
	if a.Dialect == dialect.SQLite && !exists(a.file()) {
		return fmt.Errorf("%w: there is no file %s", tenancy.ErrUnavailable, a.file())
	}
	return nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Close closes what was opened.
func (a *App) Close() error {
	var err error
	for _, m := range a.opened {
		err = errors.Join(err, m.Close())
	}
	return err
}

// Ref names a tenant by its identifier or by its id.
type Ref struct {
	Identifier string
	ID         tenancy.ID
}

// String is what the tenant was named by.
func (r Ref) String() string {
	if r.ID != "" {
		return string(r.ID)
	}
	return r.Identifier
}

// Find reads the record of a tenant. Where there is none, the error says what was asked for.
func (a *App) Find(ctx context.Context, ref Ref) (tenancy.Tenant, error) {
	var t tenancy.Tenant
	var err error
	if ref.ID != "" {
		t, err = a.Tenants.ByID(ctx, ref.ID)
	} else {
		t, err = a.Tenants.ByIdentifier(ctx, ref.Identifier)
	}
	if errors.Is(err, tenancy.ErrNotFound) {
		return t, fmt.Errorf("%w: %q", tenancy.ErrNotFound, ref)
	}
	return t, err
}
