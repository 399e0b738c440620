package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/schema"
)

// ErrUnsafe means that [Verify] found the database unable to keep tenants apart, or that
// [VerifySystem] found the role for System scopes unfit.
var ErrUnsafe = errors.New("postgres: not safe to serve tenants")

// VerifyConfig says what [Verify] looks at. Its zero value is good for tables
// on the connection's search path.
type VerifyConfig struct {
	// Schema is the schema of the tables.
	// Defaults to none: the search path finds them, as it does for queries.
	Schema string

	// KeepsRegistry says that the application keeps the registry as the role that
	// serves, and cannot do without its rights there. They are a hint then.
	KeepsRegistry bool
}

// Verify checks that row-level security and composite keys hold on db, the pool
// that serves requests. Run it at start-up, and do not serve if it fails:
//
//	hints, err := postgres.Verify(ctx, db, migrate.Tenancy, postgres.VerifyConfig{})
//
// The error is [ErrUnsafe] with all that is wrong, a line each that names the
// role or table and what to do. It fails for
//
//   - a pool that does not carry the tenant to the server, because it was not
//     opened with [NewConnector], or a server older than PostgreSQL 15;
//   - a role that is a superuser, has BYPASSRLS, or can become such a role by
//     SET ROLE (on PostgreSQL 15 also by CREATEROLE); one that owns a table, or can become its owner, without FORCE;
//     one that may TRUNCATE a table, its partition, child or parent, to which policies do not apply;
//   - a role that may use the tables which the registry and the migrations keep for
//     themselves, and does not own them: SQL of a tenant could, too; see [RevokeRegistry];
//   - a default of the setting tenancy.tenant_id, which would be the tenant of
//     statements that have none;
//   - a table that is missing, has no row-level security, no policy or no
//     trigger against cascades, one that was altered, or a policy beside it that
//     opens the table;
//   - a partition of such a table, one that inherits from it, or one that it is a
//     partition of or inherits from, which the role may use by its own name, and which
//     has not the table's policy itself;
//   - a partition whose trigger against cascades is off, and one that inherits, has
//     foreign keys with cascades of its own, and no trigger;
//   - a view, or a table with rules, that the role may use and that reads or writes
//     such a table as an owner whom row-level security does not hold, and a
//     materialized view of one, which has no policies;
//   - the setting session_replication_role, where it keeps keys and triggers from acting;
//   - a tenant column that is missing, nullable or of another type, and a
//     foreign key that does not include it;
//   - a canary: acting as a tenant that does not exist, a row can be read,
//     updated or deleted, or written for another tenant.
//
// The canary acts in a transaction that is rolled back, on empty tables as on
// full ones; nothing is changed, and no sequence advances. Every statement has
// to be refused or to find nothing, so it is cheap where the tenant column is
// indexed.
//
// The hints, which come with or without an error, are of what is slow under
// row-level security, of the rights to make temporary tables and to set
// session_replication_role, and of functions that the role may execute and that are
// SECURITY DEFINER of an owner whom row-level security does not hold. Any other error
// means that it could not be found out.
//
// What a function does, and what a foreign table shows, is not looked at.
//
// Run it on the pool of each replica as well (driver.Config.Replicas), which holds
// tenants by its own role and, unless it is a standby, its own policies. Where nothing
// can be written, as on a standby, the canary only reads, and all else is looked at. A
// standby that lags behind lacks what was just migrated, and fails until it has it.
//
// Verify needs no tenant in ctx and disregards one that is there. It is safe
// for concurrent use.
func Verify(ctx context.Context, db *sql.DB, m schema.Metadata, config VerifyConfig) ([]Hint, error) {
	if len(m.Tables) == 0 {
		return nil, errors.New("postgres: Verify: the metadata has no tables: pass migrate.Tenancy of the generated code")
	}
	v := &verification{config: config, metadata: m}
	err := v.run(ctx, db)
	if err != nil {
		err = fmt.Errorf("postgres: Verify could not finish: %w", err)
	}
	if len(v.problems) > 0 {
		err = errors.Join(fmt.Errorf("%w:\n%w", ErrUnsafe, errors.Join(v.problems...)), err)
	}
	return v.hints, err
}

// verification is one run of Verify.
type verification struct {
	config   VerifyConfig
	metadata schema.Metadata
	tables   map[string]verifiedTable // those that are there
	problems []error
	hints    []Hint

	relations []int64 // that hold rows of the tables: those, and their kin
	opening   []int64 // policies of those that let whom they are for through
}

// verifiedTable is a table that was found.
type verifiedTable struct {
	schema.Table
	oid  int64
	name string // as SQL, qualified
}

func (v *verification) problem(format string, args ...any) {
	v.problems = append(v.problems, fmt.Errorf(format, args...))
}

func (v *verification) run(ctx context.Context, db *sql.DB) error {
	canaries, err := newCanaries()
	if err != nil {
		return err
	}
	carried, err := carriesTenant(ctx, db, canaries[schema.String])
	if err != nil {
		return err
	}
	if !carried {
		v.problem("the pool does not carry the tenant of a context to the server: open it with postgres.NewConnector")
		return nil
	}
	if err := rolledBack(canaries[schema.String].context(ctx), db, v.catalog); err != nil || len(v.tables) == 0 {
		return err
	}
	for _, columnType := range []schema.ColumnType{schema.String, schema.UUID, schema.Int64} {
		c := canaries[columnType]
		if err := rolledBack(c.context(ctx), db, func(ctx context.Context, tx dialect.ExecQuerier) error {
			return v.attempts(ctx, tx, columnType, c)
		}); err != nil {
			return err
		}
	}
	return nil
}

// carriesTenant reports whether a statement, in a transaction and without one,
// has the tenant of its context.
func carriesTenant(ctx context.Context, db *sql.DB, c canary) (bool, error) {
	ctx = c.context(ctx)
	const current = "SELECT coalesce(current_setting('" + Setting + "', true), '')"
	alone, err := queryOne[string](ctx, entsql.Conn{ExecQuerier: db}, current)
	if err != nil || alone != string(c.self) {
		return false, err
	}
	var within string
	err = rolledBack(ctx, db, func(ctx context.Context, tx dialect.ExecQuerier) (err error) {
		within, err = queryOne[string](ctx, tx, current)
		return err
	})
	return within == string(c.self), err
}

// rolledBack runs do in a transaction that is rolled back in any case.
func rolledBack(ctx context.Context, db *sql.DB, do func(context.Context, dialect.ExecQuerier) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return pgerror.WithoutConfig(err)
	}
	return errors.Join(do(ctx, entsql.Conn{ExecQuerier: tx}), tx.Rollback())
}

// catalog checks what can be seen in the catalog.
func (v *verification) catalog(ctx context.Context, tx dialect.ExecQuerier) error {
	version, err := queryOne[int](ctx, tx, "SELECT current_setting('server_version_num')::int")
	if err != nil {
		return err
	}
	if version < minServer {
		v.problem("the server is PostgreSQL %d: composite keys need PostgreSQL 15 or newer", version/10000)
		return nil
	}
	if err := v.find(ctx, tx); err != nil {
		return err
	}
	// So that an expression is printed with the schema of all that is not PostgreSQL's own.
	if err := exec(ctx, tx, "SELECT set_config('search_path', 'pg_catalog', true)"); err != nil {
		return err
	}
	checks := []func(context.Context, dialect.ExecQuerier) error{v.roles, v.temporary, v.replication, v.registry, v.eachTable, v.views, v.definers, v.indexes, v.settingDefault}
	for _, check := range checks {
		if err := check(ctx, tx); err != nil {
			return err
		}
	}
	return nil
}

// find looks for the tables, as a query would.
func (v *verification) find(ctx context.Context, tx dialect.ExecQuerier) error {
	v.tables = make(map[string]verifiedTable, len(v.metadata.Tables))
	for _, t := range v.metadata.Tables {
		name := quoteIdentifier(t.Name)
		if v.config.Schema != "" {
			name = quoteIdentifier(v.config.Schema) + "." + name
		}
		found := verifiedTable{Table: t}
		err := query(ctx, tx, `
			SELECT c.oid::bigint, quote_ident(n.nspname) || '.' || quote_ident(c.relname)
			FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p')`,
			func(rows *entsql.Rows) error { return rows.Scan(&found.oid, &found.name) }, name)
		if err != nil {
			return err
		}
		if found.oid == 0 {
			v.problem("table %s: there is none: migrate, or check the search path and the role's USAGE of the schema", name)
			continue
		}
		v.tables[t.Name] = found
	}
	return nil
}

// each calls check for every table that is there, in the metadata's order.
func (v *verification) each(check func(verifiedTable) error) error {
	for _, t := range v.metadata.Tables {
		if found, ok := v.tables[t.Name]; ok {
			if err := check(found); err != nil {
				return err
			}
		}
	}
	return nil
}
