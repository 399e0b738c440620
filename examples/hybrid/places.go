package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net/url"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	_ "github.com/jackc/pgx/v5/stdlib" // the database driver "pgx"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/examples/hybrid/ent/migrate"
	"github.com/entenancy/tenancy/registry"
)

// places is what was made on the server, with a prefix that nobody else uses.
type places struct {
	admin  string // URL of the maintenance database
	prefix string

	home, app, system string // URLs of the home, as its owner and as the two roles that use it
	globex, globexApp string // URLs of globex' own database
	initech           string // initech's own schema
	tenants           *registry.EntStore
	registry          *sql.DB
}

// makePlaces does what a deployment does once: roles, databases, tables and the
// registry that says who lives where.
func makePlaces(ctx context.Context, admin string) (places, error) {
	p := places{admin: admin, prefix: "tenancy_hybrid_" + strings.ToLower(rand.Text()[:8])}
	password := rand.Text()
	app, system := p.prefix+"_app", p.prefix+"_system"
	err := runSQL(ctx, admin,
		"CREATE ROLE "+app+" LOGIN PASSWORD '"+password+"'", // serves requests: owns nothing, bypasses nothing
		"CREATE ROLE "+system+" LOGIN BYPASSRLS PASSWORD '"+password+"'",
		"CREATE DATABASE "+p.prefix+"_home",
		"CREATE DATABASE "+p.prefix+"_globex",
	)
	if err != nil {
		return p, err
	}
	p.home, p.app, p.system = p.url("home", nil), p.url("home", url.UserPassword(app, password)), p.url("home", url.UserPassword(system, password))
	p.globex, p.globexApp = p.url("globex", nil), p.url("globex", url.UserPassword(app, password))
	p.initech = "initech"
	if err := p.migrate(ctx); err != nil {
		return p, err
	}
	return p, p.register(ctx)
}

// migrate makes the tables: all of them in the home, and in the other places
// those of tenants.
func (p *places) migrate(ctx context.Context) error {
	tenants, _, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	if err != nil {
		return err
	}
	for _, place := range []struct {
		url, name string
		tables    []*schema.Table
	}{
		{p.home, "public", migrate.Tables},
		{p.home, p.initech, tenants},
		{p.globex, "public", tenants},
	} {
		if err := p.makeTables(ctx, place.url, place.name, place.tables); err != nil {
			return err
		}
	}
	return nil
}

// makeTables makes tables with composite keys and row-level security, which
// hold also where a tenant is alone, and lets the two roles use them.
func (p *places) makeTables(ctx context.Context, address, name string, tables []*schema.Table) error {
	if err := runSQL(ctx, address, "CREATE SCHEMA IF NOT EXISTS "+name); err != nil {
		return err
	}
	db, err := sql.Open("pgx", withSearchPath(address, name))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	drv := entsql.OpenDB(dialect.Postgres, db)
	if err := migrate.Create(ctx, migrate.NewSchema(drv), tables, postgres.MigrateOptions(drv, migrate.Tenancy)...); err != nil {
		return err
	}
	roles := p.prefix + "_app, " + p.prefix + "_system"
	return runSQL(ctx, address,
		"GRANT USAGE ON SCHEMA "+name+" TO "+roles,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA "+name+" TO "+roles,
		"GRANT USAGE ON ALL SEQUENCES IN SCHEMA "+name+" TO "+roles)
}

// register writes down who the tenants are, and where.
func (p *places) register(ctx context.Context) (err error) {
	if p.registry, err = sql.Open("pgx", p.home); err != nil {
		return err
	}
	if p.tenants, err = registry.NewEntStore(entsql.OpenDB(dialect.Postgres, p.registry), registry.EntConfig{}); err != nil {
		return err
	}
	if err := p.tenants.Init(ctx); err != nil {
		return err
	}
	for _, t := range []registry.NewTenant{
		{Identifier: "acme", Name: "Acme Corp.", Isolation: tenancy.IsolationRLS},
		{Identifier: "initech", Name: "Initech", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: p.initech}},
		{Identifier: "globex", Name: "Globex", Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(p.globexApp)}},
	} {
		t.Status = tenancy.StatusActive
		if _, err := p.tenants.Create(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// drop removes what was made, as far as it was.
func (p *places) drop(ctx context.Context) error {
	var err error
	if p.registry != nil {
		err = p.registry.Close()
	}
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + p.prefix + "_home WITH (FORCE)",
		"DROP DATABASE IF EXISTS " + p.prefix + "_globex WITH (FORCE)",
		"DROP ROLE IF EXISTS " + p.prefix + "_app",
		"DROP ROLE IF EXISTS " + p.prefix + "_system",
	} {
		err = errors.Join(err, runSQL(ctx, p.admin, statement))
	}
	return err
}

// url is that of a database of ours, as the user or as the administrator.
func (p *places) url(database string, user *url.Userinfo) string {
	address, err := url.Parse(p.admin)
	if err != nil {
		return ""
	}
	address.Path = "/" + p.prefix + "_" + database
	if user != nil {
		address.User = user
	}
	return address.String()
}

func withSearchPath(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// runSQL runs statements on a connection of its own.
func runSQL(ctx context.Context, address string, statements ...string) error {
	db, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
