package manager

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// errElsewhere means that a connection would find tables of tenants in another schema than
// the one that was migrated and verified.
var errElsewhere = errors.New("manager: a connection's search path does not lead to the schema of the shared tables")

const searchPath = "search_path"

// connection is the configuration of those that act for tenants.
func (p postgresDatabases) connection() postgres.Config {
	config := postgres.Config{Unnamed: p.config.Database.Unnamed}
	if p.config.Database.GlobalSchema != "" {
		config.Stdlib = []stdlib.OptionOpenDB{stdlib.OptionBeforeConnect(func(_ context.Context, pg *pgx.ConnConfig) error {
			p.lead(pg)
			return nil
		})}
	}
	return config
}

// lead has connections find the tables in Database.GlobalSchema, whatever their address
// and their role say, but for schemas that the address names after it. A pooler may leave
// that out, so each is looked at.
func (p postgresDatabases) lead(pg *pgx.ConnConfig) {
	schema := p.config.Database.GlobalSchema
	if schema == "" {
		return
	}
	pg.RuntimeParams = maps.Clone(pg.RuntimeParams) // which may be others', too
	path := pgx.Identifier{schema}.Sanitize()
	for name, value := range pg.RuntimeParams {
		if !strings.EqualFold(name, searchPath) {
			continue
		}
		if firstSchema(value) == schema {
			path = value
		}
		delete(pg.RuntimeParams, name)
	}
	pg.RuntimeParams[searchPath] = path
	next := pg.ValidateConnect // within the time for connecting, as AfterConnect is not
	pg.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if err := leadsTo(ctx, conn, schema); err != nil || next == nil {
			return err
		}
		return next(ctx, conn)
	}
}

// leadsTo looks at where a connection finds tables. One that finds none at all harms nobody.
func leadsTo(ctx context.Context, conn *pgconn.PgConn, schema string) error {
	results, err := conn.Exec(ctx, "SELECT pg_catalog.current_schema()").ReadAll()
	if err != nil {
		return err
	}
	if found := results[0].Rows[0][0]; found != nil && string(found) != schema {
		return fmt.Errorf("%w: it leads to %q", errElsewhere, found)
	}
	return nil
}

// aboutPath says what to do about a pooler that takes no search path or leaves it out.
// Other errors are returned as they are.
func (m *Manager) aboutPath(err error) error {
	var failed *pgconn.PgError
	refused := errors.As(err, &failed) && failed.Code == "08P01" && strings.Contains(failed.Message, searchPath)
	if m.config.Database.GlobalSchema == "" || !refused && !errors.Is(err, errElsewhere) {
		return err
	}
	path := pgx.Identifier{m.config.Database.GlobalSchema}.Sanitize()
	return fmt.Errorf("manager: a pooler does not pass on the search path of %s: have it track search_path, "+
		"or ALTER ROLE … SET search_path = %s for the roles that serve and have the pooler ignore that of its clients (PgBouncer's ignore_startup_parameters): %w",
		envOf("Database.GlobalSchema"), path, err)
}

// leadsElsewhere reports whether a URL sets a search path that begins with another schema.
func leadsElsewhere(address tenancy.Secret, schema string) bool {
	at, err := url.Parse(address.Reveal())
	if err != nil || schema == "" {
		return false
	}
	for name, values := range at.Query() {
		if strings.EqualFold(name, searchPath) && firstSchema(values[0]) != schema {
			return true
		}
	}
	return false
}

// firstSchema is where a search path leads first.
func firstSchema(path string) string {
	path = strings.TrimSpace(path)
	if rest, quoted := strings.CutPrefix(path, `"`); quoted {
		name, _, _ := strings.Cut(rest, `"`)
		return name
	}
	name, _, _ := strings.Cut(path, ",")
	return strings.ToLower(strings.TrimSpace(name))
}
