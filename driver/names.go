package driver

import (
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/schema"
)

const (
	tenantTables = schema.TenantTables
	globalTables = schema.GlobalTables
)

// tables says whose tables a statement names, as far as it says.
type tables int

const (
	unsaid tables = iota
	tenants
	globals
	both
)

// names finds and replaces the schemas by which a client names whose tables it
// means. Both are matched quoted and before a dot, so nothing has to be parsed.
type names struct {
	any            string // what both begin with: one look says that a statement has neither
	tenant, global string // as they stand in a statement
	schema         string // what stands in for global
	globalSchema   string // the same, not quoted
}

// namesOf returns the names as they are quoted in a dialect.
func namesOf(d, globalSchema string) names {
	quote := `"`
	if d == dialect.MySQL {
		quote = "`"
	}
	quoted := func(name string) string {
		return quote + strings.ReplaceAll(name, quote, quote+quote) + quote + "."
	}
	n := names{any: quote + "tenancy_", tenant: quoted(tenantTables), global: quoted(globalTables)}
	if d == dialect.Postgres {
		if globalSchema == "" {
			globalSchema = "public"
		}
		n.schema, n.globalSchema = quoted(globalSchema), globalSchema
	}
	return n
}

// about says whose tables the query names.
func (n names) about(query string) tables {
	if !strings.Contains(query, n.any) {
		return unsaid
	}
	switch t, g := strings.Contains(query, n.tenant), strings.Contains(query, n.global); {
	case t && g:
		return both
	case g:
		return globals
	case t:
		return tenants
	}
	return unsaid
}

// rewrite puts in the schema of global tables. Tenants' tables go unqualified,
// to where the connection looks for them.
func (n names) rewrite(query string) string {
	if !strings.Contains(query, n.any) {
		return query
	}
	return strings.ReplaceAll(strings.ReplaceAll(query, n.tenant, ""), n.global, n.schema)
}
