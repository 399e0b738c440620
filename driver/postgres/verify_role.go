package postgres

import (
	"context"
	"fmt"
	"slices"

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

// replication looks for the setting with which foreign keys and triggers do not act,
// the one against cascades among them, and for the right to set it.
func (v *verification) replication(ctx context.Context, tx dialect.ExecQuerier) error {
	const setting = "session_replication_role"
	stored, err := storedSetting(ctx, tx, setting)
	if err != nil {
		return err
	}
	return query(ctx, tx, "WITH "+become+`
		SELECT session_user, current_setting('`+setting+`'), EXISTS (SELECT FROM become b WHERE has_parameter_privilege(b.oid, '`+setting+`', 'SET'))`,
		func(rows *entsql.Rows) error {
			var role, current string
			var may bool
			if err := rows.Scan(&role, &current, &may); err != nil {
				return err
			}
			if current == "replica" || slices.Contains(stored, "replica") {
				v.problem("the setting %s is replica for this role, database or server, and so no foreign key or trigger acts: RESET it "+
					"(ALTER ROLE, ALTER DATABASE, postgresql.conf, the connection's options)", setting)
			}
			if may {
				v.hints = append(v.hints, Hint{Message: fmt.Sprintf("role %q may set %s, with which no foreign key or trigger acts: "+
					"REVOKE SET ON PARAMETER %[2]s FROM it, and from PUBLIC", role, setting)})
			}
			return nil
		})
}

// storedSetting returns what a setting is to be for connections of the role to come.
func storedSetting(ctx context.Context, tx dialect.ExecQuerier, name string) (values []string, err error) {
	err = query(ctx, tx, `
		SELECT substr(c, strpos(c, '=') + 1)
		FROM pg_db_role_setting s, unnest(s.setconfig) c
		WHERE lower(split_part(c, '=', 1)) = $1
			AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
			AND s.setrole IN (SELECT 0 UNION ALL SELECT oid FROM pg_roles WHERE rolname IN (current_user, session_user))`,
		func(rows *entsql.Rows) error {
			var value string
			err := rows.Scan(&value)
			values = append(values, value)
			return err
		}, name)
	return values, err
}

// settingDefault checks that there is no tenant where no context gives one. It
// comes last, since it changes the transaction's tenant.
func (v *verification) settingDefault(ctx context.Context, tx dialect.ExecQuerier) error {
	stored, err := storedSetting(ctx, tx, Setting) // of connections to come
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
	if len(stored) > 0 || current {
		v.problem("the setting %s has a default for this role, database or server, and so a tenant where no context gives one: RESET it (ALTER ROLE, ALTER DATABASE, postgresql.conf, the connection's options)", Setting)
	}
	return nil
}
