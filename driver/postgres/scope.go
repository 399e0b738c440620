package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
)

// place is what a scope means to a connection: whose rows, and where.
type place struct {
	system     bool
	id         tenancy.ID
	identifier string
	schema     string // the one schema of the search path, "" for the connection's own
	version    string // of the schema, part of the statement's identity
}

// same reports whether a transaction of p may run a statement of o.
func (p place) same(o place) bool {
	return p.system == o.system && p.id == o.id && p.schema == o.schema
}

func (p place) tenant() tenancy.Tenant {
	return tenancy.Tenant{ID: p.id, Identifier: p.identifier}
}

// placeOf reads the scope of ctx.
func (c *Connector) placeOf(ctx context.Context) (place, error) {
	scope, err := tenancy.ScopeFromContext(ctx)
	if err == tenancy.ErrNoTenant && c.config.Fallback != nil { //nolint:errorlint // A scope that is there and wrong is wrapped in it.
		scope, err = c.config.Fallback, nil
	}
	switch {
	case err != nil:
		return place{}, noScope(err)
	case scope.System() && c.config.RefuseSystem:
		return place{}, ErrSystem
	case c.only != "" && scope.TenantID() != c.only:
		return place{}, fmt.Errorf("postgres: the database belongs to one tenant, and the statement acts for another: %w", tenancy.ErrCrossTenant)
	case scope.System() && c.config.AllowSystem != nil:
		return place{system: true}, c.config.AllowSystem(ctx)
	case scope.System():
		return place{system: true}, nil
	}
	tenant := scope.Tenant()
	at := place{id: tenant.ID, identifier: tenant.Identifier}
	switch {
	case tenant.Isolation == tenancy.IsolationDatabase && c.only == "":
		// Its tables are elsewhere. Here it has global entities, by their qualified
		// names; what names a table by less would reach those of tenants who share.
		at.schema = noTables
	case tenant.Isolation == tenancy.IsolationSchema:
		at.schema = tenant.Placement.Schema
		if reason := unusableSchema(at.schema); reason != "" {
			return place{}, fmt.Errorf("postgres: %w: %s: Placement.Schema %s", tenancy.ErrInvalidPlacement, tenant, reason)
		}
	}
	if c.config.SchemaVersion != nil {
		at.version = c.config.SchemaVersion(tenant)
		if strings.ContainsFunc(at.version, notInVersion) {
			return place{}, fmt.Errorf("postgres: %w: %s: its schema version has characters other than letters, digits and ._-", tenancy.ErrInvalidPlacement, tenant)
		}
	}
	return at, nil
}

// noTables is the search path of those who have no tables in the home.
const noTables = "pg_catalog"

// longestName is the longest identifier of PostgreSQL in bytes. It cuts a
// longer one, and so may take it for another.
const longestName = 63

// unusableSchema says why a schema cannot be a tenant's own, "" if it can. It
// is a second look: the registry has given the name.
func unusableSchema(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > longestName:
		return "is longer than 63 bytes"
	case !utf8.ValidString(name) || strings.ContainsRune(name, 0):
		return "is not valid text"
	case slices.Contains([]string{"$user", "public", "information_schema"}, name) || strings.HasPrefix(name, "pg_"):
		return "is reserved" // "$user" and pg_temp have a meaning in a search path even where they are quoted
	}
	return ""
}

func notInVersion(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("._-", r)
}

func quoteIdentifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteLiteral is safe while backslashes mean nothing in a literal: see [conn.quotable].
func quoteLiteral(s string) string { return `'` + strings.ReplaceAll(s, `'`, `''`) + `'` }

// quotable reports whether this session reads a quoted literal as [quoteLiteral] means it.
func (c *conn) quotable() error {
	for name, want := range map[string]string{"standard_conforming_strings": "on", "client_encoding": "UTF8"} {
		if c.wire().ParameterStatus(name) != want {
			return fmt.Errorf("postgres: the session's %s must be %s", name, want)
		}
	}
	return nil
}

// setLocal is the settings of a tenant as text. SET LOCAL takes no snapshot, as
// SELECT set_config does, so that SET TRANSACTION may still come after it.
func (p place) setLocal() string {
	text := "set local " + Setting + " = " + quoteLiteral(string(p.id))
	if p.schema != "" {
		text += "; set local search_path = " + quoteIdentifier(p.schema)
	}
	return text
}
