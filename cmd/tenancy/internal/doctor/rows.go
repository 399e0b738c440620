package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// fewNamed is how many tenants are named of those who have rows in one table.
const fewNamed = 3

// rows looks for rows of the shared tables that nobody is served: those of a tenant that
// the registry does not know, which the next one of its id would be shown, and those
// that a tenant has left who is elsewhere.
func (e *examination) rows(ctx context.Context) (*Check, error) {
	if !e.read {
		return nil, errUnread
	}
	tables, err := e.TenantTables(ctx, e.Home, e.Schema())
	if err != nil {
		return nil, err
	}
	if len(tables.Tables) == 0 {
		return skipped("the home has no tables with the column " + e.Config.TenantColumn)
	}
	check, own, looked := &Check{}, e.ownPlaces(), 0
	for _, table := range tables.Tables {
		found, err := e.strays(ctx, table, own)
		if err != nil {
			return nil, fmt.Errorf("the rows of %s: %w", table.Name, err)
		}
		if found != nil {
			looked++
			found.tell(check, table.Name)
		}
	}
	check.Note = plural(looked, "table") + " looked at"
	if hidden := len(tables.Tables) - looked; hidden > 0 {
		check.Note += "; row-level security hides the rows of " + plural(hidden, "table") + ": set TENANCY_DATABASE_SYSTEM_URL"
	}
	return check, nil
}

// ownPlaces says of each tenant of the registry whether it has a place of its own. One
// whose record cannot be read counts for one that has none: the registry's check names it.
func (e *examination) ownPlaces() map[tenancy.ID]bool {
	own := make(map[tenancy.ID]bool, len(e.all)+len(e.broken))
	for _, t := range e.all {
		own[t.ID] = e.OwnPlace(t)
	}
	for _, id := range e.broken {
		own[id] = false
	}
	return own
}

// strays are some of those whose rows are in a table and should not be.
type strays struct{ unknown, elsewhere []string }

func (s *strays) tell(check *Check, table string) {
	slices.Sort(s.unknown)
	slices.Sort(s.elsewhere)
	if len(s.unknown) > 0 {
		check.add(Problem, fmt.Sprintf("the table %q has rows of tenants that the registry does not know, such as %s: whoever gets such an id sees them; delete them, unless they are another application's",
			table, strings.Join(s.unknown, ", ")))
	}
	if len(s.elsewhere) > 0 {
		check.add(Hint, fmt.Sprintf("the table %q has rows of tenants whose records say that they are elsewhere, such as %s: they are served without these; tenant erase deletes them with the tenant",
			table, strings.Join(s.elsewhere, ", ")))
	}
}

// strays looks whose rows are in a table. It returns nil where that is hidden.
func (e *examination) strays(ctx context.Context, table schema.Table, own map[tenancy.ID]bool) (*strays, error) {
	seeing, db := e.seeing(ctx)
	query, hidden, err := e.ownersOf(seeing, db, table)
	if err != nil || hidden {
		return nil, err
	}
	found := &strays{}
	err = owners(seeing, db, query, func(id tenancy.ID) bool {
		elsewhere, known := own[id]
		switch {
		case !known && len(found.unknown) < fewNamed:
			found.unknown = append(found.unknown, string(id))
		case elsewhere && len(found.elsewhere) < fewNamed:
			found.elsewhere = append(found.elsewhere, string(id))
		}
		return len(found.unknown) < fewNamed || len(found.elsewhere) < fewNamed
	})
	if err != nil {
		return nil, err
	}
	return found, e.leaveNew(ctx, found)
}

// leaveNew leaves out those who have come since the registry was read.
func (e *examination) leaveNew(ctx context.Context, found *strays) error {
	var failed error
	found.unknown = slices.DeleteFunc(found.unknown, func(id string) bool {
		_, err := e.Tenants.ByID(ctx, tenancy.ID(id))
		if err != nil && !errors.Is(err, tenancy.ErrNotFound) && !errors.Is(err, tenancy.ErrInvalidID) {
			failed = err
		}
		return err == nil
	})
	return failed
}

// seeing is a pool that sees the rows of all tenants, if there is one, and a context for it.
func (e *examination) seeing(ctx context.Context) (context.Context, *sql.DB) {
	if db := e.System(); db != nil {
		return tenancy.System(ctx, "doctor: looking for rows of tenants that are not there"), db
	}
	return ctx, e.Home
}

// ownersOf returns a query of the tenants who have rows in a table. It is hidden where
// row-level security holds for who asks. On PostgreSQL an index is asked for one after the
// other where there is one: DISTINCT would read all rows, as other databases do not.
func (e *examination) ownersOf(ctx context.Context, db *sql.DB, table schema.Table) (query string, hidden bool, err error) {
	mark := `"`
	if e.Dialect == dialect.MySQL {
		mark = "`"
	}
	quoted := func(name string) string { return mark + strings.ReplaceAll(name, mark, mark+mark) + mark }
	column, name := quoted(table.TenantColumn), quoted(table.Name)
	if e.Dialect != dialect.Postgres {
		return "SELECT DISTINCT " + column + " FROM " + name + " WHERE " + column + " IS NOT NULL", false, nil
	}
	name = quoted(e.Schema()) + "." + name
	var indexed bool
	err = db.QueryRowContext(ctx, `SELECT pg_catalog.row_security_active(c.oid), EXISTS (
	SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
	JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid JOIN pg_catalog.pg_am m ON m.oid = x.relam
	WHERE i.indrelid = c.oid AND a.attname = $2 AND i.indpred IS NULL AND i.indisvalid AND m.amname = 'btree')
FROM pg_catalog.pg_class c WHERE c.oid = $1::text::regclass`, name, table.TenantColumn).Scan(&hidden, &indexed)
	if !indexed {
		return "SELECT DISTINCT " + column + "::text FROM " + name + " WHERE " + column + " IS NOT NULL", hidden, err
	}
	return strings.NewReplacer("{column}", column, "{table}", name).Replace(`WITH RECURSIVE owners AS (
	(SELECT {column} AS id FROM {table} ORDER BY {column} LIMIT 1)
	UNION ALL SELECT (SELECT {column} FROM {table} WHERE {column} > o.id ORDER BY {column} LIMIT 1) FROM owners o WHERE o.id IS NOT NULL)
SELECT id::text FROM owners WHERE id IS NOT NULL`), hidden, err
}

// owners tells of each tenant that a query finds, as long as more are wanted.
func owners(ctx context.Context, db *sql.DB, query string, more func(tenancy.ID) bool) (err error) {
	ctx, enough := context.WithCancel(ctx)
	defer enough()
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if !more(tenancy.ID(id)) {
			return nil
		}
	}
	return rows.Err()
}
