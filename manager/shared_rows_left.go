package manager

import (
	"context"
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// leftRows returns the rows that a tenant with a place of its own has in the shared
// tables, in those that the home has. None were looked for where nobody knows any.
func (l *Lifecycle) leftRows(ctx context.Context, t tenancy.Tenant) (*sharedRows, error) {
	t.Isolation, t.Placement = tenancy.IsolationShared, tenancy.Placement{}
	rows := &sharedRows{SharedTables: l.config.Shared, tenant: t}
	if rows.Driver == nil {
		return rows, nil
	}
	var there []schema.Table
	for _, table := range rows.Metadata.Tables {
		has, err := rows.has(ctx, table)
		if err != nil {
			return nil, err
		}
		if has {
			there = append(there, table)
		}
	}
	rows.Metadata.Tables = there
	return rows, nil
}

// has reports whether the home has a table, with the tenant column: another of that name
// holds no rows of tenants.
func (r *sharedRows) has(ctx context.Context, table schema.Table) (bool, error) {
	query, name := "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?", table.Name
	switch r.Driver.Dialect() {
	case dialect.Postgres:
		query = "SELECT count(*) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid " +
			"WHERE c.oid = pg_catalog.to_regclass($1) AND c.relkind IN ('r', 'p') AND a.attname = $2 AND NOT a.attisdropped"
		name = `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
	case dialect.SQLite:
		query = "SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ?"
	}
	n, err := r.number(actingFor(ctx, r.tenant), r.Driver, query, []any{name, table.TenantColumn}, table)
	return n > 0, err
}

// some reports whether rows were counted in any table.
func some(counted []ErasedRows) bool {
	return slices.ContainsFunc(counted, func(rows ErasedRows) bool { return rows.Rows > 0 })
}
