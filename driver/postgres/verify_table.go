package postgres

import (
	"context"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/schema"
)

// eachTable checks the tables that are there.
func (v *verification) eachTable(ctx context.Context, tx dialect.ExecQuerier) error {
	return v.each(func(t verifiedTable) error {
		for _, check := range []func(context.Context, dialect.ExecQuerier, verifiedTable) error{v.security, v.policies, v.kin, v.trigger, v.column, v.keys} {
			if err := check(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// security checks that row-level security is on, for the pool's role too.
func (v *verification) security(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	return query(ctx, tx, `
		WITH `+become+`
		SELECT session_user, pg_get_userbyid(c.relowner), c.relrowsecurity, c.relforcerowsecurity,
			own.super, pg_has_role(c.relowner, 'MEMBER') OR pg_has_role(session_user, c.relowner, 'MEMBER'),
			EXISTS (SELECT FROM become b WHERE has_table_privilege(b.oid, c.oid, 'TRUNCATE'))
		FROM pg_class c, (SELECT bool_or(rolsuper) AS super FROM pg_roles WHERE rolname IN (current_user, session_user)) own
		WHERE c.oid = $1`,
		func(rows *entsql.Rows) error {
			var role, owner string
			var enabled, forced, super, owns, truncates bool
			if err := rows.Scan(&role, &owner, &enabled, &forced, &super, &owns, &truncates); err != nil {
				return err
			}
			if !enabled {
				v.problem("table %s: row-level security is off: ALTER TABLE %[1]s ENABLE ROW LEVEL SECURITY, or migrate", t.name)
			}
			switch {
			case super: // said once, for the role
			case owns && !forced:
				v.problem("table %s: role %q is or can become its owner %q, which row-level security spares: ALTER TABLE %[1]s FORCE ROW LEVEL SECURITY, or serve with another role", t.name, role, owner)
			case owns:
				v.hint(t, "", "role %q is or can become its owner, and can switch row-level security off: serve with another role", role)
			case truncates:
				v.problem("table %s: role %q may TRUNCATE it, past every policy: REVOKE TRUNCATE ON %[1]s from it, from PUBLIC and from roles that it can become", t.name, role)
			}
			return nil
		}, t.oid)
}

// policies checks that there is the right policy, and none that opens the table.
func (v *verification) policies(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	all, err := v.policiesOf(ctx, tx, t, t.oid)
	if err != nil {
		return err
	}
	found := all[t.oid]
	right := slices.ContainsFunc(found, func(p policy) bool { return (p.everybody || p.applied) && p.isolates(t.Table) })
	altered := slices.ContainsFunc(found, func(p policy) bool { return p.name == PolicyName })
	switch {
	case right:
	case altered:
		v.problem("table %s: the policy %s is altered: migrate, which replaces it; it has to be permissive, for all commands, and read USING (%s)", t.name, PolicyName, isTenants(t.Table))
	default:
		v.problem("table %s: no policy keeps tenants apart: migrate, or %s", t.name, createPolicy(t.Table, t.name))
	}
	for _, p := range found {
		if p.opens(t.Table) && (right || p.name != PolicyName) {
			v.problem("table %s: the policy %q lets other rows through: DROP POLICY %s ON %[1]s, or make it AS RESTRICTIVE", t.name, p.name, quoteIdentifier(p.name))
		}
	}
	return nil
}

// trigger checks what holds cascades from global rows.
func (v *verification) trigger(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	var found trigger
	err := query(ctx, tx, "SELECT "+triggerColumns+" FROM pg_class c"+joinTrigger+" WHERE c.oid = $1",
		func(rows *entsql.Rows) error { return rows.Scan(found.fields()...) }, t.oid)
	if err == nil && !found.holds(t.Table) {
		v.problem("table %s: the trigger %s, which keeps cascades from other tenants' rows, is missing, altered or off: migrate, or run the statements of Policies for it", t.name, triggerName)
	}
	return err
}

// column checks the tenant column. A null in it would be a row of nobody, and
// one of whose composite keys PostgreSQL checks nothing.
func (v *verification) column(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	found := false
	err := query(ctx, tx, `
		SELECT format_type(a.atttypid, NULL), a.attnotnull, coalesce(l.collisdeterministic, true)
		FROM pg_attribute a LEFT JOIN pg_collation l ON l.oid = a.attcollation
		WHERE a.attrelid = $1 AND a.attname = $2 AND NOT a.attisdropped`,
		func(rows *entsql.Rows) error {
			found = true
			var columnType string
			var notNull, exact bool
			if err := rows.Scan(&columnType, &notNull, &exact); err != nil {
				return err
			}
			if want := columnTypes(t.ColumnType); !slices.Contains(want, columnType) {
				v.problem("table %s: column %q is of type %s and has to be %s", t.name, t.TenantColumn, columnType, want[0])
			}
			if !notNull {
				v.problem("table %s: column %q may be null: ALTER TABLE %[1]s ALTER %[3]s SET NOT NULL", t.name, t.TenantColumn, quoteIdentifier(t.TenantColumn))
			}
			if !exact {
				v.problem("table %s: the collation of column %q takes different ids for equal: use a deterministic one", t.name, t.TenantColumn)
			}
			return nil
		}, t.oid, t.TenantColumn)
	if err == nil && !found {
		delete(v.tables, t.Name) // there is nothing else to find out
		v.problem("table %s: it has no column %q: migrate", t.name, t.TenantColumn)
	}
	return err
}

// columnTypes is what PostgreSQL may call a tenant column's type.
func columnTypes(c schema.ColumnType) []string {
	switch c {
	case schema.UUID:
		return []string{"uuid"}
	case schema.Int64:
		return []string{"bigint"}
	default:
		return []string{"character varying", "text"}
	}
}

// keys checks the foreign keys to other tables of tenants.
func (v *verification) keys(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	for _, fk := range t.ForeignKeys {
		ref, ok := v.tables[fk.RefTable]
		if !ok {
			continue // said once, for the table
		}
		if err := v.key(ctx, tx, t, ref, fk); err != nil {
			return err
		}
	}
	return nil
}

func (v *verification) key(ctx context.Context, tx dialect.ExecQuerier, t, ref verifiedTable, fk schema.ForeignKey) error {
	// The pairs of columns, in whichever order the key has them.
	best := ""
	err := query(ctx, tx, `
		SELECT CASE
			WHEN NOT k.convalidated THEN 'is not validated: ALTER TABLE ' || $6 || ' VALIDATE CONSTRAINT ' || quote_ident(k.conname)
			WHEN EXISTS (
				WITH RECURSIVE part AS (SELECT k.oid UNION ALL SELECT c.oid FROM pg_constraint c JOIN part ON part.oid = c.conparentid)
				SELECT FROM part JOIN pg_trigger g ON g.tgconstraint = part.oid WHERE g.tgenabled NOT IN ('O', 'A')
			) THEN 'is switched off: ALTER TABLE ' || $6 || ' ENABLE TRIGGER ALL, on both tables and their partitions'
			WHEN k.confdeltype IN ('n', 'd') AND NOT coalesce(k.confdelsetcols <@ ARRAY (SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = k.conrelid AND a.attname = $4), false)
				THEN 'clears the tenant on a delete: ALTER TABLE ' || $6 || ' DROP CONSTRAINT ' || quote_ident(k.conname) || ', and migrate'
			ELSE 'holds' END
		FROM pg_constraint k
		WHERE k.contype = 'f' AND k.conrelid = $1 AND k.confrelid = $2 AND cardinality(k.conkey) = 2 AND (
			SELECT array_agg(a.attname || '=' || b.attname ORDER BY a.attname = $3 DESC)
			FROM unnest(k.conkey, k.confkey) p (own, other)
			JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = p.own
			JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = p.other
		) = ARRAY[$3::text || '=' || $5::text, $4::text || '=' || $7::text]`,
		func(rows *entsql.Rows) error {
			var is string
			err := rows.Scan(&is)
			if best != "holds" {
				best = is
			}
			return err
		}, t.oid, ref.oid, t.TenantColumn, fk.Column, fk.RefTenantColumn, t.name, fk.RefColumn)
	switch best {
	case "holds":
	case "":
		v.problem("table %s: no foreign key (%s, %s) holds its rows and those of %s (%s, %s) to one tenant: migrate",
			t.name, t.TenantColumn, fk.Column, ref.name, fk.RefTenantColumn, fk.RefColumn)
	default:
		v.problem("table %s: its foreign key (%s, %s) %s", t.name, t.TenantColumn, fk.Column, best)
	}
	return err
}
