package driver

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/tableplaces"
)

// answer says where the tables are for the context's tenant. What the home has is asked
// on its driver, or on a transaction there.
func (d *Driver) answer(ctx context.Context, q *tableplaces.Question, on dialect.ExecQuerier) error {
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
			q.Home, err = d.inHome(ctx, on, q)
		}
	}
	return err
}

// answer is the driver's, for who has the transaction.
func (t *Tx) answer(ctx context.Context, q *tableplaces.Question) error {
	scope, err := tenancy.ScopeFromContext(ctx)
	switch {
	case err != nil:
		return err
	case scope.System() != t.place.system || scope.TenantID() != t.place.tenant.ID:
		return crossTenant()
	}
	return t.driver.answer(ctx, q, t.Tx)
}

// hangingTables finds tables by the foreign keys that lead from them, or from a partition of
// theirs, to a global one, over others too. That goes by no search path, which could be
// another for each role and pooler.
const hangingTables = `WITH RECURSIVE hanging AS (
	SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
	UNION
	SELECT up.oid FROM hanging h JOIN (
		SELECT conrelid, confrelid FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confdeltype IN ('c', 'n', 'd')
		UNION ALL SELECT inhparent, inhrelid FROM pg_catalog.pg_inherits) AS up (oid, below) ON up.below = h.oid)
SELECT c.relname, n.nspname
FROM hanging h JOIN pg_catalog.pg_class c ON c.oid = h.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname IN (%s)`

// databaseTables finds tables in the database of the session. The mark, in a comment, tells
// a home of mysql.Schemas that no tenant's tables are meant.
const databaseTables = "SELECT /* `" + globalTables + "`. */ table_name, table_schema FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN (%s)"

// inHome returns the schemas of those of the question's tables that the home has.
func (d *Driver) inHome(ctx context.Context, on dialect.ExecQuerier, q *tableplaces.Question) (found map[string]string, err error) {
	text, args := databaseTables, []any(nil)
	if d.dialect == dialect.Postgres {
		text, args = hangingTables, []any{d.names.globalSchema, q.Table}
	}
	in := make([]string, len(q.Tables))
	for i, table := range q.Tables {
		if args, in[i] = append(args, table), "?"; d.dialect == dialect.Postgres {
			in[i] = fmt.Sprintf("$%d", len(args))
		}
	}
	var rows entsql.Rows
	if err := on.Query(ctx, fmt.Sprintf(text, strings.Join(in, ", ")), args, &rows); err != nil {
		return nil, fmt.Errorf("driver: asking which tables the home has: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found = make(map[string]string)
	for rows.Next() {
		var name, schema string
		if err := rows.Scan(&name, &schema); err != nil {
			return nil, err
		}
		for _, table := range q.Tables {
			switch before := found[table]; {
			case name != table && (d.dialect == dialect.Postgres || !strings.EqualFold(name, table)): // MySQL may keep names in lower case
			case before != "" && before != schema:
				return nil, fmt.Errorf("driver: table %q is in the schemas %q and %q, with foreign keys to %q in both: which one tenants share cannot be told; delete in a tenancy.System scope",
					table, before, schema, q.Table)
			default:
				found[table] = schema
			}
		}
	}
	return found, rows.Err()
}
