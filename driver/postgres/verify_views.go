package postgres

import (
	"context"
	"fmt"
	"strconv"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// reader is a relation that the role may use, and that shows or changes rows of a
// table past row-level security by a rule: a view, a materialized view, or a table
// that has others than a view's.
type reader struct {
	relkind, name       string // in the catalog's terms; as SQL
	what, origin, table string // itself, what has the rule, and what that uses, each as its kind and SQL
	owner               string // as whom, "" for the role itself
	role                string // the pool's
}

func (r *reader) fields() []any {
	return []any{&r.relkind, &r.name, &r.what, &r.origin, &r.table, &r.owner, &r.role}
}

// views checks what gets at the tables by rules, which act as the owner of what has
// them. They are followed from the tables to whatever uses those, as PostgreSQL
// notes it, and to what uses that.
func (v *verification) views(ctx context.Context, tx dialect.ExecQuerier) error {
	return query(ctx, tx, `
		WITH RECURSIVE `+become+`, reads AS (
			SELECT t.oid, NULL::oid AS origin, NULL::oid AS uses FROM unnest($1::text::oid[]) t (oid)
			UNION
			SELECT x.oid, coalesce(reads.origin, CASE WHEN open.is THEN x.oid END), coalesce(reads.uses, CASE WHEN open.is THEN c.oid END)
			FROM reads JOIN pg_class c USING (oid)
			JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass AND d.deptype = 'n'
			JOIN pg_rewrite w ON w.oid = d.objid
			JOIN pg_class x ON x.oid = w.ev_class AND x.oid <> c.oid
			CROSS JOIN LATERAL (SELECT x.relkind = 'm' OR c.oid = ANY ($1::text::oid[]) AND EXISTS (`+opens+`) AS is) open
			WHERE c.relkind IN ('v', 'm') OR c.oid = ANY ($1::text::oid[])
		)
		SELECT DISTINCT ON (2) c.relkind::text, quote_ident(n.nspname) || '.' || quote_ident(c.relname), `+named("c")+`,
			`+named("x")+`, `+named("y")+`, CASE WHEN `+invoked+` THEN '' ELSE pg_get_userbyid(x.relowner) END, session_user
		FROM reads JOIN pg_class x ON x.oid = reads.origin JOIN pg_class y ON y.oid = reads.uses
		JOIN pg_class c ON c.oid = reads.oid JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE `+used+`
		ORDER BY 2, c.oid <> x.oid, 4, 5`,
		func(rows *entsql.Rows) error {
			var r reader
			err := rows.Scan(r.fields()...)
			if err == nil {
				v.problem("%s", r.problem())
			}
			return err
		}, oidArray(v.relations), oidArray(v.opening))
}

// problem says what is wrong with a reader, and what to do.
func (r *reader) problem() string {
	past := "as its owner " + strconv.Quote(r.owner) + ", whom row-level security does not hold"
	revoke := "REVOKE ALL ON " + r.name + " FROM " + quoteIdentifier(r.role) + ", PUBLIC"
	switch {
	case r.what != r.origin:
		return fmt.Sprintf("%s: through %s it shows rows of %s past row-level security: %s", r.what, r.origin, r.table, revoke)
	case r.relkind == "m":
		return fmt.Sprintf("%s: it holds rows of %s, of whichever tenants, and has no policies: %s", r.what, r.table, revoke)
	case r.relkind != "v":
		return fmt.Sprintf("%s: its rules use %s %s: DROP RULE, or ALTER TABLE %s OWNER TO a role that it holds", r.what, r.table, past, r.name)
	case r.owner == "":
		return fmt.Sprintf("%s: it reads %s, whose policies do not hold the role: REVOKE ALL ON that, or %s", r.what, r.table, revoke)
	default:
		return fmt.Sprintf("%s: it reads %s %s: ALTER VIEW %s SET (security_invoker = true), or %s", r.what, r.table, past, r.name, revoke)
	}
}

// named is SQL for the kind and the name of a relation.
func named(relation string) string {
	return "CASE " + relation + ".relkind WHEN 'v' THEN 'view ' WHEN 'm' THEN 'materialized view ' ELSE 'table ' END || " +
		"(SELECT quote_ident(s.nspname) FROM pg_namespace s WHERE s.oid = " + relation + ".relnamespace) || '.' || quote_ident(" + relation + ".relname)"
}

// invoked is whether the rules of a relation x act as who uses it, as a view's may.
const invoked = `coalesce((SELECT option_value::boolean FROM pg_options_to_table(x.reloptions) WHERE option_name = 'security_invoker'), false)`

// opens selects the roles as which the rules of a relation x get at rows of a table c
// past its policies: x's owner, or the pool's where it may use c, if only by a view.
const opens = `
	SELECT FROM pg_roles o
	WHERE CASE WHEN ` + invoked + `
		THEN o.oid IN (SELECT oid FROM become) AND (has_any_column_privilege(o.oid, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(o.oid, c.oid, 'DELETE'))
		ELSE o.oid = x.relowner END
	AND ` + spared

// spared is whether row-level security does not hold a role o in a table c. $2 are the
// policies that let whom they are for through.
const spared = `(
	o.rolsuper OR o.rolbypassrls OR NOT c.relrowsecurity OR pg_has_role(o.oid, c.relowner, 'USAGE') AND NOT c.relforcerowsecurity
	OR EXISTS (
		SELECT FROM pg_policy p, unnest(p.polroles) r
		WHERE p.oid = ANY ($2::text::oid[]) AND p.polrelid = c.oid AND (r = 0 OR pg_has_role(o.oid, r, 'USAGE'))
	)
)`

// definers looks for functions that act as somebody whom row-level security does not
// hold in one of the tables. What they do is not looked at, so that they are how to
// give all tenants what is meant for all.
func (v *verification) definers(ctx context.Context, tx dialect.ExecQuerier) error {
	var tables []int64
	_ = v.each(func(t verifiedTable) error { tables = append(tables, t.oid); return nil })
	return query(ctx, tx, `
		WITH `+become+`, definer AS (
			SELECT f.oid, f.proowner
			FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
			WHERE f.prosecdef AND n.nspname <> 'pg_catalog' AND f.prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
				AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_proc'::regclass AND d.objid = f.oid AND d.deptype = 'e')
				AND EXISTS (SELECT FROM become b WHERE has_schema_privilege(b.oid, n.oid, 'USAGE') AND has_function_privilege(b.oid, f.oid, 'EXECUTE'))
		)
		SELECT session_user, o.rolname, string_agg(definer.oid::regprocedure::text, ', ' ORDER BY definer.oid::regprocedure::text COLLATE "C")
		FROM definer JOIN pg_roles o ON o.oid = definer.proowner
		WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = ANY ($1::text::oid[]) AND `+spared+`)
		GROUP BY o.rolname ORDER BY o.rolname`,
		func(rows *entsql.Rows) error {
			var role, owner, functions string
			if err := rows.Scan(&role, &owner, &functions); err != nil {
				return err
			}
			v.hints = append(v.hints, Hint{Message: fmt.Sprintf("role %q may execute functions that act as %q, whom row-level security does not hold: %s: "+
				"see that they ask for the tenant, or REVOKE EXECUTE from it and from PUBLIC", role, owner, functions)})
			return nil
		}, oidArray(tables), oidArray(v.opening))
}
