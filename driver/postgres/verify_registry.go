package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// registryTables are the tables that this library keeps for itself in the home: the
// registry's, and the outcomes of migrations. They have no policies. They are named one
// by one, because an application may have tables that begin with tenancy_, too.
func registryTables() []string {
	return []string{
		"tenancy_audit", "tenancy_domains", outcomesTable, "tenancy_quotas",
		"tenancy_registry_lock", "tenancy_registry_revisions", "tenancy_tenants",
	}
}

// outcomesTable is beside the revisions of the home, by which these are told from
// those in a tenant's schema.
const outcomesTable = "tenancy_migrations"

// isRegistryTable is the condition that pg_class c is one of the tables whose names are
// in $1, or the home's revisions.
const isRegistryTable = `c.relkind IN ('r', 'p') AND (c.relname::text = ANY (string_to_array($1, ',')) OR c.relname = 'atlas_schema_revisions'
			AND EXISTS (SELECT FROM pg_class o WHERE o.relnamespace = c.relnamespace AND o.relname = '` + outcomesTable + `'))`

// registry checks that the role can do nothing with the registry. Whatever it may do
// there, so may SQL of every tenant: read others' database URLs, suspend them, empty
// the audit.
func (v *verification) registry(ctx context.Context, tx dialect.ExecQuerier) error {
	var found registryRights
	err := query(ctx, tx, `
		WITH own AS (
			SELECT r.oid, r.rolname FROM pg_roles r
			WHERE r.rolname IN (current_user, session_user) OR pg_has_role(r.oid, 'MEMBER') OR pg_has_role(session_user, r.oid, 'MEMBER')
		)
		SELECT session_user, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.relowner IN (SELECT oid FROM own),
			coalesce((SELECT string_agg(coalesce(quote_ident(own.rolname), 'PUBLIC'), ', ')
				FROM (SELECT grantee FROM aclexplode(c.relacl) UNION SELECT a.grantee FROM pg_attribute, aclexplode(attacl) a WHERE attrelid = c.oid) a
				LEFT JOIN own ON own.oid = a.grantee WHERE a.grantee = 0 OR own.oid IS NOT NULL), '')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE `+isRegistryTable+`
			AND NOT (SELECT bool_or(rolsuper) FROM pg_roles WHERE rolname IN (current_user, session_user)) -- said once, for the role
			AND EXISTS (SELECT FROM own WHERE has_schema_privilege(own.oid, n.oid, 'USAGE') AND (
				has_any_column_privilege(own.oid, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(own.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER')))
		ORDER BY 2`,
		func(rows *entsql.Rows) error {
			var table, grantees string
			var owns bool
			if err := rows.Scan(&found.role, &table, &owns, &grantees); err != nil {
				return err
			}
			if owns {
				found.owned = append(found.owned, table)
				return nil
			}
			found.granted = append(found.granted, table)
			for grantee := range strings.SplitSeq(grantees, ", ") {
				if grantee != "" && !slices.Contains(found.grantees, grantee) {
					found.grantees = append(found.grantees, grantee)
				}
			}
			return nil
		}, strings.Join(v.others(registryTables()), ","))
	if err == nil {
		v.reaches(found)
	}
	return err
}

// registryRights is what a role may do with the registry's tables.
type registryRights struct {
	role     string
	owned    []string // tables
	granted  []string // tables
	grantees []string // as SQL: the role, those that it can become, PUBLIC
}

// others leaves out tables that the application calls its own.
func (v *verification) others(tables []string) []string {
	return slices.DeleteFunc(tables, func(name string) bool { _, ok := v.tables[name]; return ok })
}

func (v *verification) reaches(found registryRights) {
	const whatever = "with SQL of its own every tenant can read and change"
	if len(found.owned) > 0 {
		v.hints = append(v.hints, Hint{Message: fmt.Sprintf("role %q is or can become the owner of the registry's tables, which %s: serve with another role", found.role, whatever)})
	}
	switch list := strings.Join(found.granted, ", "); {
	case list == "":
	case v.config.KeepsRegistry:
		v.hints = append(v.hints, Hint{Message: fmt.Sprintf("role %q keeps the registry (%s), which %s: keep it as another role than the one that serves", found.role, list, whatever)})
	case len(found.grantees) == 0:
		v.problem("role %q may use %s, which %s: take it out of the role that gives it the right, such as pg_read_all_data", found.role, list, whatever)
	default:
		v.problem("role %q may use %s, which %s: REVOKE ALL ON %[2]s FROM %[4]s", found.role, list, whatever, strings.Join(found.grantees, ", "))
	}
}

// RevokeRegistry takes from a role, the one that serves requests, what default
// privileges have given it of the tables that the registry and the migrations keep for
// themselves in the database. A role that serves has no business there: see [Verify],
// which refuses it.
//
//	err = store.Init(ctx)                             // makes the tables
//	err = postgres.RevokeRegistry(ctx, owner, "shop") // before anybody serves
//
// The db is a plain pool of the role that owns the tables: those of others it leaves alone, and
// so it does what was granted by name, and what default privileges give to PUBLIC or to a
// role that this one is a member of: take those back by ALTER DEFAULT PRIVILEGES, or
// every new table has them again. It needs no tenant in ctx, may run at every start
// in several processes at once, and changes nothing where there is nothing to take.
func RevokeRegistry(ctx context.Context, db *sql.DB, role string) error {
	conn := entsql.Conn{ExecQuerier: db}
	var tables []string
	err := query(ctx, conn, `
		SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_roles r ON r.rolname = $2
		WHERE `+isRegistryTable+`
			AND c.relowner <> r.oid AND pg_has_role(c.relowner, 'USAGE')
			AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = r.oid)
			AND EXISTS (SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a WHERE d.defaclrole = c.relowner
				AND d.defaclobjtype = 'r' AND d.defaclnamespace IN (0, n.oid) AND a.grantee = r.oid)
		ORDER BY 1`,
		func(rows *entsql.Rows) error {
			var table string
			err := rows.Scan(&table)
			tables = append(tables, table)
			return err
		}, strings.Join(registryTables(), ","), role)
	if err != nil || len(tables) == 0 {
		return err
	}
	return exec(ctx, conn, "REVOKE ALL ON "+strings.Join(tables, ", ")+" FROM "+quoteIdentifier(role))
}
