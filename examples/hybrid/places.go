package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"iter"
	"net/url"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/jackc/pgx/v5/stdlib" // the database driver "pgx"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// places is what was made on the server, with a prefix that nobody else uses.
type places struct {
	admin   string // URL of the maintenance database
	prefix  string
	appRole *url.Userinfo
	roles   []string // that use what the owner makes

	home, app, system string  // URLs of the home, as its owner and as the two roles that use it
	owner             *sql.DB // the home as its owner: migrates, keeps the registry, makes places of tenants
	tenants           *registry.EntStore
}

// makePlaces does what a deployment does once: roles, the home, its tables, and
// the registry that says who lives where.
func makePlaces(ctx context.Context, admin string) (places, error) {
	p := places{admin: admin, prefix: "tenancy_hybrid_" + strings.ToLower(rand.Text()[:8])}
	password := rand.Text()
	app, system := p.prefix+"_app", p.prefix+"_system"
	p.appRole, p.roles = url.UserPassword(app, password), []string{app, system}
	err := runSQL(ctx, admin,
		"CREATE ROLE "+app+" LOGIN PASSWORD '"+password+"'", // serves requests: owns nothing, bypasses nothing
		"CREATE ROLE "+system+" LOGIN BYPASSRLS PASSWORD '"+password+"'",
		"CREATE DATABASE "+p.prefix,
		"REVOKE TEMPORARY ON DATABASE "+p.prefix+" FROM PUBLIC", // a temporary table is there for the next tenant on its connection
	)
	if err != nil {
		return p, err
	}
	p.home, p.app, p.system = p.url(p.prefix, nil), p.url(p.prefix, p.appRole), p.url(p.prefix, url.UserPassword(system, password))
	if p.owner, err = sql.Open("pgx", p.home); err != nil {
		return p, err
	}
	if p.tenants, err = registry.NewEntStore(entsql.OpenDB(dialect.Postgres, p.owner), registry.EntConfig{}); err != nil {
		return p, err
	}
	if err := p.tenants.Init(ctx); err != nil {
		return p, err
	}
	runner, err := p.runner(nil)
	if err != nil {
		return p, err
	}
	if _, err := runner.Apply(ctx); err != nil {
		return p, err
	}
	return p, runSQL(ctx, p.home, "GRANT SELECT, INSERT, UPDATE, DELETE ON countries, orders, items TO "+strings.Join(p.roles, ", "))
}

// all goes through the tenants.
func (p *places) all(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
	return registry.All(ctx, p.tenants, registry.Query{})
}

// drop removes what was made but for the tenants, which have a life of their own.
func (p *places) drop(ctx context.Context) error {
	var err error
	if p.owner != nil {
		err = p.owner.Close()
	}
	statements := []string{"DROP DATABASE IF EXISTS " + p.prefix + " WITH (FORCE)"}
	for _, role := range p.roles {
		statements = append(statements, "DROP ROLE IF EXISTS "+role)
	}
	for _, statement := range statements {
		err = errors.Join(err, runSQL(ctx, p.admin, statement))
	}
	return err
}

// url is that of a database on the server, as the user or as the administrator.
func (p *places) url(database string, user *url.Userinfo) string {
	address, err := url.Parse(p.admin)
	if err != nil {
		return ""
	}
	address.Path = "/" + database
	if user != nil {
		address.User = user
	}
	return address.String()
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
