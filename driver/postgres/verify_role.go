package postgres

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// roles checks what the pool's role is, and which ones it can become.
func (v *verification) roles(ctx context.Context, tx dialect.ExecQuerier) error {
	return query(ctx, tx, `
		WITH own AS (SELECT * FROM pg_roles WHERE rolname IN (current_user, session_user)),
		super AS (SELECT bool_or(rolsuper) AS is FROM own)
		SELECT r.rolname, session_user,
			CASE WHEN r.rolsuper THEN 'is a superuser'
				WHEN r.rolbypassrls THEN 'has BYPASSRLS'
				ELSE 'has CREATEROLE, and so can become any role' END,
			r.rolname IN (SELECT rolname FROM own)
		FROM pg_roles r, super
		WHERE (r.rolsuper OR r.rolbypassrls OR r.rolcreaterole AND current_setting('server_version_num')::int < 160000)
			AND CASE WHEN super.is -- which could become anybody
				THEN r.rolname IN (SELECT rolname FROM own)
				ELSE pg_has_role(r.oid, 'MEMBER') OR pg_has_role(session_user, r.oid, 'MEMBER') END
		ORDER BY r.rolname`,
		func(rows *entsql.Rows) error {
			var role, session, what string
			var own bool
			if err := rows.Scan(&role, &session, &what, &own); err != nil {
				return err
			}
			if own {
				v.problem("role %q %s, and row-level security does not hold it: connect as a role without", role, what)
			} else {
				v.problem("role %q can SET ROLE to %q, which %s: REVOKE %s FROM %s", session, role, what, quoteIdentifier(role), quoteIdentifier(session))
			}
			return nil
		})
}

// temporary looks for the right to make what outlives its tenant. SQL as text is
// refused it, and a function's body is not looked at.
func (v *verification) temporary(ctx context.Context, tx dialect.ExecQuerier) error {
	return query(ctx, tx, "SELECT current_user, quote_ident(current_database()) WHERE has_database_privilege(current_database(), 'TEMPORARY')",
		func(rows *entsql.Rows) error {
			var role, database string
			if err := rows.Scan(&role, &database); err != nil {
				return err
			}
			v.hints = append(v.hints, Hint{Message: fmt.Sprintf("role %q may make temporary tables: one that a function makes is there for the next tenant "+
				"on its connection, before the table of that name: REVOKE TEMPORARY ON DATABASE %s FROM PUBLIC, %s", role, database, quoteIdentifier(role))})
			return nil
		})
}

// settingDefault checks that there is no tenant where no context gives one. It
// comes last, since it changes the transaction's tenant.
func (v *verification) settingDefault(ctx context.Context, tx dialect.ExecQuerier) error {
	// Of connections to come.
	stored, err := queryOne[bool](ctx, tx, `
		SELECT EXISTS (
			SELECT FROM pg_db_role_setting s, unnest(s.setconfig) c
			WHERE lower(split_part(c, '=', 1)) = '`+Setting+`'
				AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
				AND s.setrole IN (SELECT 0 UNION ALL SELECT oid FROM pg_roles WHERE rolname IN (current_user, session_user)))`)
	if err != nil {
		return err
	}
	// Of this one, from wherever.
	if err := exec(ctx, tx, "DO $$ BEGIN SET LOCAL "+Setting+" TO DEFAULT; END $$"); err != nil { // which is refused as text by itself
		return err
	}
	current, err := queryOne[bool](ctx, tx, "SELECT coalesce(current_setting('"+Setting+"', true), '') <> ''")
	if err != nil {
		return err
	}
	if stored || current {
		v.problem("the setting %s has a default for this role, database or server, and so a tenant where no context gives one: RESET it (ALTER ROLE, ALTER DATABASE, postgresql.conf, the connection's options)", Setting)
	}
	return nil
}
