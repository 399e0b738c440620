package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// VerifySystem checks that System scopes see the rows of all tenants on db, the pool
// that serves them, driver.Config.System. Behind row-level security a role without
// BYPASSRLS is shown no rows, and no error: counts would be 0, and deletions would find
// nothing. Run it where [Verify] is run:
//
//	hints, err := postgres.VerifySystem(ctx, system, migrate.Tenancy, postgres.VerifyConfig{})
//
// The error is [ErrUnsafe] if row-level security holds the pool's role in any of the
// tables, and names what to do. Tables without row-level security do not matter, nor do
// those with a policy for the role. The hints are of tables that the role may not read,
// in which System scopes fail. Any other error means that it could not be found out.
//
// It needs no tenant in ctx, acts in a System scope of its own, changes nothing, and is
// safe for concurrent use.
func VerifySystem(ctx context.Context, db *sql.DB, m schema.Metadata, config VerifyConfig) ([]Hint, error) {
	ctx = tenancy.System(ctx, "check that System scopes see all rows")
	v := systemVerification{config: config}
	err := rolledBack(ctx, db, func(ctx context.Context, tx dialect.ExecQuerier) error {
		for _, t := range m.Tables {
			if err := v.table(ctx, tx, t); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return v.hints, fmt.Errorf("postgres: VerifySystem could not finish: %w", err)
	}
	if len(v.hidden) > 0 {
		err = fmt.Errorf("%w:\n%w", ErrUnsafe, errors.New(v.problem()))
	}
	return v.hints, err
}

// systemVerification is one run of VerifySystem.
type systemVerification struct {
	config VerifyConfig
	role   string
	hidden []string // tables whose rows the role is not shown
	hints  []Hint
}

// table looks at one table by the catalog, which shows it to a role without any rights.
func (v *systemVerification) table(ctx context.Context, tx dialect.ExecQuerier, t schema.Table) error {
	var oid int64
	var name, schemaName string
	var held, usage, reads bool
	err := query(ctx, tx, `
		SELECT current_user, c.oid::bigint, quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(n.nspname),
			row_security_active(c.oid), has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relkind IN ('r', 'p') AND CASE WHEN $2 = '' THEN c.oid = to_regclass(quote_ident($1)) ELSE c.relname = $1 AND n.nspname = $2 END`,
		func(rows *entsql.Rows) error {
			return rows.Scan(&v.role, &oid, &name, &schemaName, &held, &usage, &reads)
		}, t.Name, v.config.Schema)
	if err != nil || oid == 0 { // Verify says which are missing
		return err
	}
	if missing := missingRights(usage, reads, name, schemaName, quoteIdentifier(v.role)); missing != "" {
		v.hints = append(v.hints, Hint{Table: name, Message: fmt.Sprintf("role %q may not read it, so that System scopes fail: %s", v.role, missing)})
	}
	if !held {
		return nil
	}
	shown := false
	err = eachPolicy(ctx, tx, []int64{oid}, func(_, _ int64, p policy) { shown = shown || p.shows(t) })
	if !shown {
		v.hidden = append(v.hidden, name)
	}
	return err
}

// shows reports whether the policy shows the current role other rows than a tenant's.
func (p *policy) shows(t schema.Table) bool {
	return p.opens(t) && (p.everybody || p.applied) && (p.command == "*" || p.command == "r")
}

// missingRights is what gives a role the rights that it lacks; empty if none.
func missingRights(usage, reads bool, name, schemaName, role string) string {
	var grants []string
	if !usage {
		grants = append(grants, "GRANT USAGE ON SCHEMA "+schemaName+" TO "+role)
	}
	if !reads {
		grants = append(grants, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+" TO "+role)
	}
	return strings.Join(grants, "; ")
}

func (v *systemVerification) problem() string {
	return fmt.Sprintf("role %q, which serves System scopes, is shown no rows of %s by row-level security: ALTER ROLE %s BYPASSRLS, or let them have a role with it",
		v.role, strings.Join(v.hidden, ", "), quoteIdentifier(v.role))
}
