package app

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// App is an application's registry and home, open.
type App struct {
	Config Config
	// Dialect is the home's, as in package entgo.io/ent/dialect.
	Dialect string
	// Home is the database with the registry and the shared tables, as the role
	// that owns them.
	Home *sql.DB
	// Tenants is the registry.
	Tenants registry.Store

	store   *registry.EntStore
	closers []func() error
}

// Open opens what the configuration names. It connects where it has to.
func Open(config Config) (*App, error) {
	if config.AdminURL == "" {
		return nil, errNoDatabase
	}
	home, dialectName, err := OpenDatabase(config.AdminURL)
	if err != nil {
		return nil, err
	}
	if config.TenantsDir == "" && dialectName == dialect.SQLite {
		config.TenantsDir = filepath.Join(filepath.Dir(filePath(config.AdminURL)), "tenants")
	}
	a := &App{Config: config, Dialect: dialectName, Home: home}
	if err := a.openRegistry(); err != nil {
		return nil, errors.Join(err, home.Close())
	}
	return a, nil
}

func (a *App) openRegistry() error {
	var err error
	if a.store, err = registry.NewEntStore(entsql.OpenDB(a.Dialect, a.Home), registry.EntConfig{}); err != nil {
		return err
	}
	a.Tenants = a.store
	keys := a.Config.EncryptionKeys
	if len(keys) == 0 {
		return nil
	}
	cipher, err := crypt.Passphrase(keys[0], keys[1:]...)
	if err != nil {
		return fmt.Errorf("TENANCY_ENCRYPTION_KEY: %w", err)
	}
	a.Tenants, err = registry.NewEncryptedStore(a.store, cipher, registry.EncryptedConfig{})
	return err
}

// Init makes the registry's tables, or brings them up to date. On SQLite it makes
// the file too: nothing else does, so that who only looks leaves nothing behind.
func (a *App) Init(ctx context.Context) error {
	if a.Dialect == dialect.SQLite {
		if err := createFile(filePath(a.Config.AdminURL)); err != nil {
			return err
		}
	}
	return a.store.Init(ctx)
}

// Close closes what Open has opened.
func (a *App) Close() error {
	err := a.Home.Close()
	for _, closer := range a.closers {
		err = errors.Join(err, closer())
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
