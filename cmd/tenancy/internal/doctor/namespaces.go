package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
)

// markTenant is what the mark of a tenant's namespace begins with, before the
// escaped id; see package manager/namespace.
const markTenant = "tenancy: tenant "

// namespaces compares the schemas and databases that there are with the registry. On
// other servers than the home's it looks only for those that the registry names.
func (e *examination) namespaces(ctx context.Context) (*Check, error) {
	if !e.read {
		return nil, errUnread
	}
	if e.Dialect == dialect.SQLite {
		return e.files(ctx)
	}
	schemas, err := pairs(ctx, e.Home, schemasOf(e.Dialect))
	if err == nil && e.Dialect == dialect.MySQL {
		e.keepOwn(schemas)
		err = e.readMarks(ctx, schemas)
	}
	if err != nil {
		return nil, err
	}
	check := &Check{}
	owned, databases := e.compare(check, schemas), schemas
	if e.Dialect == dialect.Postgres {
		databases, err = pairs(ctx, e.Home, "SELECT datname, coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE NOT datistemplate")
		if err != nil {
			return nil, err
		}
		e.keepOwn(databases)
		owned += e.orphans(check, "database", databases, func(t tenancy.Tenant, name string) bool { return app.DatabaseName(t) == name })
		if err := e.records(ctx, check); err != nil {
			return nil, err
		}
	}
	elsewhere, err := e.databases(ctx, check, databases)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(check.Findings, func(a, b Finding) int { return strings.Compare(a.Message, b.Message) })
	check.Note = plural(owned+elsewhere, "namespace") + " of tenants"
	return check, nil
}

// keepOwn leaves out what another application has on the same server: names with
// another prefix, of which the registry says nothing.
func (e *examination) keepOwn(marks map[string]string) {
	prefix, known := e.NamespacePrefix(), map[string]bool{}
	for _, t := range e.all {
		placed, _ := e.Place(t)
		known[placed.Placement.Schema], known[app.DatabaseName(placed)] = true, true
	}
	maps.DeleteFunc(marks, func(name, _ string) bool {
		return !known[name] && !strings.HasPrefix(name, prefix) && !strings.HasPrefix(name, sparePrefix+prefix)
	})
}

// sparePrefix is what the name of a spare begins with, which on MySQL a tenant keeps.
const sparePrefix = "tenancy_warm_"

// schemasOf is the query of names and marks, and on MySQL of names and the tables
// that hold the marks.
func schemasOf(d string) string {
	if d == dialect.Postgres {
		return "SELECT nspname, coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'"
	}
	return "SELECT s.schema_name, COALESCE(t.table_name, '') FROM information_schema.schemata s " +
		"LEFT JOIN information_schema.tables t ON t.table_schema = s.schema_name AND t.table_name = 'tenancy_namespace'"
}

// readMarks puts the mark of each database in the place of its table. One that was
// dropped meanwhile is not there.
func (e *examination) readMarks(ctx context.Context, marks map[string]string) error {
	for name, table := range marks {
		if table == "" {
			continue
		}
		var mark string
		err := e.Home.QueryRowContext(ctx, "SELECT mark FROM `"+strings.ReplaceAll(name, "`", "``")+"`.tenancy_namespace WHERE id = 1").Scan(&mark)
		var refused *mysql.MySQLError
		switch {
		case errors.As(err, &refused) && (refused.Number == 1146 || refused.Number == 1049):
			delete(marks, name)
		case err != nil && !errors.Is(err, sql.ErrNoRows):
			return err
		default:
			marks[name] = mark
		}
	}
	return nil
}

func pairs(ctx context.Context, db *sql.DB, query string) (_ map[string]string, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			return nil, err
		}
		found[key] = value
	}
	return found, rows.Err()
}

// compare looks at schemas, from both sides, and says how many are of tenants.
func (e *examination) compare(check *Check, schemas map[string]string) int {
	for _, t := range e.all {
		placed, _ := e.Place(t)
		if placed.Isolation != tenancy.IsolationSchema || placed.Placement.Schema == "" {
			continue
		}
		e.compareOne(check, placed, schemas)
	}
	return e.orphans(check, "schema", schemas, func(t tenancy.Tenant, name string) bool {
		return t.Placement.Schema == name || e.Dialect == dialect.MySQL && app.DatabaseName(t) == name
	})
}

// wayBack is what to do about a namespace that somebody has dropped by hand.
const wayBack = ": restore it from a backup that has its mark, or erase the tenant and create it again; see docs/lifecycle.md"

// compareOne looks for the schema of one tenant.
func (e *examination) compareOne(check *Check, t tenancy.Tenant, schemas map[string]string) {
	name := t.Placement.Schema
	mark, there := schemas[name]
	switch {
	case !there && t.Status != tenancy.StatusProvisioning:
		check.add(Problem, fmt.Sprintf("%s has no namespace: there is no schema %q%s", t, name, wayBack))
	case there && mark == "":
		check.add(Hint, fmt.Sprintf("the schema %q of %s has no mark: it was made by hand, and tenant erase will refuse to drop it", name, t))
	}
}

// records looks for schemas whose record of migrations the role that serves may write:
// those made before it was taken from that role, or that were migrated by other means.
func (e *examination) records(ctx context.Context, check *Check) error {
	var schemas []string
	for _, t := range e.all {
		if placed, _ := e.Place(t); placed.Isolation == tenancy.IsolationSchema {
			schemas = append(schemas, placed.Placement.Schema)
		}
	}
	var tables, role string
	var n int
	err := e.Home.QueryRowContext(ctx, `SELECT count(*), coalesce(string_agg(c.oid::regclass::text, ', ' ORDER BY n.nspname), ''), quote_ident($1::text)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.rolname = $1::text
WHERE n.nspname = ANY($2) AND c.relname = 'atlas_schema_revisions' AND NOT pg_has_role(r.oid, c.relowner, 'MEMBER')
	AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')`, e.ServingRole(), schemas).Scan(&n, &tables, &role)
	if err == nil && n > 0 {
		check.add(Problem, fmt.Sprintf("the role of the database URL may write the record of migrations of %s, and so may SQL that any tenant gets to run: "+
			"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON %s FROM %s, and from roles by which it has them", plural(n, "tenant"), tables, role))
	}
	return err
}

// orphans looks for namespaces that are marked as a tenant's and not its place.
func (e *examination) orphans(check *Check, kind string, marks map[string]string, placed func(tenancy.Tenant, string) bool) int {
	owned := 0
	for name, mark := range marks {
		escaped, ok := strings.CutPrefix(mark, markTenant)
		if !ok {
			continue
		}
		owned++
		id, err := url.QueryUnescape(escaped)
		if err != nil {
			id = escaped
		}
		switch t := e.byID(tenancy.ID(id)); {
		case slices.Contains(e.broken, tenancy.ID(id)), encrypted(t): // said of its record
		case t.ID == "":
			check.add(Problem, fmt.Sprintf("the %s %q is marked as that of tenant %s, which the registry does not know: drop it if it is no other application's, or restore the record", kind, name, id))
		case !placed(t, name):
			check.add(Problem, fmt.Sprintf("the %s %q is marked as that of %s, whose record says that it is elsewhere", kind, name, t))
		}
	}
	return owned
}

func (e *examination) byID(id tenancy.ID) tenancy.Tenant {
	for _, t := range e.all {
		if t.ID == id {
			placed, _ := e.Place(t)
			return placed
		}
	}
	return tenancy.Tenant{}
}
