package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/elsewhere"
)

// answer says where the tables are for the context's tenant. What the home has is asked
// on its driver, or on a transaction there.
func (d *Driver) answer(ctx context.Context, q *elsewhere.Question, on dialect.ExecQuerier) error {
	if scope, err := tenancy.ScopeFromContext(ctx); err != nil || scope.System() {
		return err
	}
	var p place
	ctx, err := d.placeIn(ctx, &p)
	if err != nil {
		return err
	}
	switch {
	case p.own:
		_, q.Globals = d.TableSchemas()
	case p.tenant.Isolation == tenancy.IsolationSchema:
		if q.Apart = true; len(q.Tables) > 0 {
			q.Home, err = d.inHome(ctx, on, q.Tables)
		}
	}
	return err
}

// answer is the driver's, for who has the transaction.
func (t *Tx) answer(ctx context.Context, q *elsewhere.Question) error {
	scope, err := tenancy.ScopeFromContext(ctx)
	switch {
	case err != nil:
		return err
	case scope.System() != t.place.system || scope.TenantID() != t.place.tenant.ID:
		return crossTenant()
	}
	return t.driver.answer(ctx, q, t.Tx)
}

// pathTables finds tables on the path of the session, which is where those find them
// whose tenants share tables, and not on that of the tenant. "$user" is the role's name.
const pathTables = `WITH path AS (
	SELECT btrim(e.name, ' "') AS name, e.at
	FROM pg_catalog.pg_settings s, unnest(string_to_array(s.reset_val, ',')) WITH ORDINALITY e(name, at) WHERE s.name = 'search_path')
SELECT DISTINCT ON (t.tablename) t.tablename, t.schemaname
FROM pg_catalog.pg_tables t JOIN path p ON t.schemaname = CASE p.name WHEN '$user' THEN current_user ELSE p.name END
WHERE t.tablename IN (%s) ORDER BY t.tablename, p.at`

// databaseTables finds tables in the database of the session. The mark, in a comment, tells
// a home of mysql.Schemas that no tenant's tables are meant.
const databaseTables = "SELECT /* `" + globalTables + "`. */ table_name, table_schema FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (%s)"

// inHome returns the schemas of those of the tables that the home has.
func (d *Driver) inHome(ctx context.Context, on dialect.ExecQuerier, tables []string) (found map[string]string, err error) {
	text, args := databaseTables, make([]any, len(tables))
	if d.dialect == dialect.Postgres {
		text = pathTables
	}
	in := make([]string, len(tables))
	for i, table := range tables {
		if args[i], in[i] = table, "?"; d.dialect == dialect.Postgres {
			in[i] = fmt.Sprintf("$%d", i+1)
		}
	}
	var rows entsql.Rows
	if err := on.Query(ctx, fmt.Sprintf(text, strings.Join(in, ", ")), args, &rows); err != nil {
		return nil, fmt.Errorf("driver: asking which tables the home has: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = make(map[string]string)
	for rows.Next() {
		var table, schema string
		if err := rows.Scan(&table, &schema); err != nil {
			return nil, err
		}
		found[table] = schema
	}
	return found, rows.Err()
}
