package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/migrate"
)

// PostgresSchemas keeps a schema for each tenant with tenancy.IsolationSchema in
// one PostgreSQL database. The mark is the schema's comment.
//
// A schema is made, marked and granted in one transaction and one message to the
// server, and so is one that is taken from the spares: it is renamed. Grants are
// made anew whenever a schema is taken or found made, since the roles may have
// changed. Whoever drops one waits for its migration (see migrate.LockKey).
type PostgresSchemas struct {
	db     *sql.DB
	config PostgresSchemasConfig
}

var (
	_ Keeper = (*PostgresSchemas)(nil)
	_ Spares = (*PostgresSchemas)(nil)
)

// PostgresSchemasConfig is what PostgresSchemas can be told.
type PostgresSchemasConfig struct {
	// Names says how schemas are named.
	Names Names
	// Roles serve requests. They get the use of each schema, and SELECT, INSERT,
	// UPDATE and DELETE in the tables that db's role makes there.
	// Defaults to none: grants are somebody else's business.
	Roles []string
}

// NewPostgresSchemas returns the keeper of the schemas in db, which is opened with
// the driver of pgx' stdlib, as the role that will own them and migrate what is in
// them. It does not connect.
func NewPostgresSchemas(db *sql.DB, config PostgresSchemasConfig) (*PostgresSchemas, error) {
	if db == nil {
		return nil, errors.New("namespace: NewPostgresSchemas needs a db")
	}
	names, err := config.Names.withDefaults()
	config.Names = names
	return &PostgresSchemas{db: db, config: config}, err
}

// Plan implements [Keeper].
func (k *PostgresSchemas) Plan(t tenancy.Tenant) (tenancy.Placement, error) {
	name, err := k.config.Names.of(t.ID)
	return tenancy.Placement{Schema: name}, err
}

// Name implements [Keeper].
func (*PostgresSchemas) Name(t tenancy.Tenant) string { return t.Placement.Schema }

// Make implements [Keeper].
func (k *PostgresSchemas) Make(ctx context.Context, t tenancy.Tenant, version string) (Made, error) {
	name := t.Placement.Schema
	if err := k.config.Names.usable(t, name); err != nil {
		return Made{}, err
	}
	var body strings.Builder
	fmt.Fprintf(&body, "PERFORM pg_advisory_xact_lock(%d);\n", migrate.LockKey(name))
	fmt.Fprintf(&body, "SELECT nspname, obj_description(oid, 'pg_namespace') INTO found, mark FROM pg_namespace WHERE nspname = %s;\n", literal(name))
	body.WriteString("IF found IS NULL THEN\n")
	if version != "" {
		body.WriteString(k.takeSchema(t, name, version))
	}
	body.WriteString("IF found IS NULL THEN\nCREATE SCHEMA " + identifier(name) + ";\n" + commentOn(name, markOf(t.ID)) +
		"PERFORM set_config('tenancy.result', 'new', true);\nEND IF;\n")
	fmt.Fprintf(&body, "ELSIF mark IS DISTINCT FROM %s THEN %s END IF;\n", literal(markOf(t.ID)), raise(codeForeign))
	body.WriteString(grants(name, k.config.Roles)) // whatever was granted before: the roles may be others now
	result, err := script(ctx, k.db, "found name; mark text; spare name; "+grantsDeclare, body.String())
	switch {
	case hasCode(err, codeForeign):
		return Made{}, foreign(t, "schema", name)
	case err != nil:
		return Made{}, failed("making the schema", t, err)
	}
	made := Made{Placement: t.Placement, New: result != ""}
	if result == "spare" {
		made.Version = version
	}
	return made, nil
}

// takeSchema renames the first spare that nobody else is at. What is under its
// lock now was a spare when the loop began, so it is looked at again.
func (k *PostgresSchemas) takeSchema(t tenancy.Tenant, name, version string) string {
	isReady := "obj_description(oid, 'pg_namespace') = " + literal(spareMark(version))
	return "FOR spare IN SELECT nspname FROM pg_namespace WHERE " + isSpare("nspname", k.config.Names) + " AND " + isReady + " ORDER BY random() LOOP\n" +
		"CONTINUE WHEN NOT pg_try_advisory_xact_lock(" + fmt.Sprintf(lockKey, "spare") + ");\n" +
		"CONTINUE WHEN NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = spare AND " + isReady + ");\n" +
		"EXECUTE format('ALTER SCHEMA %I RENAME TO %I', spare, " + literal(name) + ");\n" +
		commentOn(name, markOf(t.ID)) +
		"PERFORM set_config('tenancy.result', 'spare', true);\nfound := spare;\nEXIT;\nEND LOOP;\n"
}

func commentOn(schema, mark string) string {
	return "COMMENT ON SCHEMA " + identifier(schema) + " IS " + literal(mark) + ";\n"
}

// Verify implements [Keeper].
func (k *PostgresSchemas) Verify(ctx context.Context, t tenancy.Tenant) error {
	name := t.Placement.Schema
	var mark sql.NullString
	err := k.db.QueryRowContext(ctx, "SELECT obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace WHERE nspname = $1", name).Scan(&mark)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return missing(t, "schema", name)
	case err != nil:
		return failed("looking at the schema", t, pgerror.WithoutConfig(err))
	case mark.String != markOf(t.ID):
		return foreign(t, "schema", name)
	}
	if err := verifyGrants(ctx, k.db, name, k.config.Roles); err != nil {
		return failed("checking the schema", t, err)
	}
	return nil
}

// Drop implements [Keeper]. It waits up to ten seconds for whoever migrates or
// uses the schema, and then fails with migrate.ErrLocked. Where something outside of it depends on what
// is in it, such as a view or a table of another tenant, nothing is dropped:
// tenancy.ErrCrossTenant.
func (k *PostgresSchemas) Drop(ctx context.Context, t tenancy.Tenant) (bool, error) {
	name := t.Placement.Schema
	if err := k.config.Names.usable(t, name); err != nil {
		return false, err
	}
	dropped, err := k.drop(ctx, name, "mark = "+literal(markOf(t.ID)), codeForeign)
	switch {
	case hasCode(err, codeForeign):
		return false, foreign(t, "schema", name)
	case hasCode(err, "55P03"):
		return false, failed("dropping the schema", t, fmt.Errorf("%w: %w", migrate.ErrLocked, err))
	case undone(err):
		return false, failed("dropping the schema", t, nothingDropped(err))
	case err != nil:
		return false, failed("dropping the schema", t, err)
	}
	return dropped, nil
}

// drop drops a schema under a condition on its mark, and raises a code where that
// does not hold. It looks for dependants first.
func (k *PostgresSchemas) drop(ctx context.Context, name, condition, code string) (bool, error) {
	result, err := script(ctx, k.db, "found name; mark text; dependants text;", fmt.Sprintf(
		"PERFORM pg_advisory_xact_lock(%d);\n"+
			"SELECT nspname, obj_description(oid, 'pg_namespace') INTO found, mark FROM pg_namespace WHERE nspname = %s;\n"+
			"IF found IS NULL THEN RETURN; END IF;\n"+
			"IF (%s) IS NOT TRUE THEN %s END IF;\n"+
			"%sDROP SCHEMA %s CASCADE;\nPERFORM set_config('tenancy.result', 'dropped', true);",
		migrate.LockKey(name), literal(name), condition, raise(code), refuseDependants(name), identifier(name)))
	return result != "", withDependants(name, err)
}

// Spare implements [Spares].
func (k *PostgresSchemas) Spare(ctx context.Context) (tenancy.Tenant, error) {
	name := k.config.Names.spare()
	_, err := script(ctx, k.db, grantsDeclare, "CREATE SCHEMA "+identifier(name)+";\n"+commentOn(name, spareMark(""))+grants(name, k.config.Roles))
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("namespace: making a spare schema: %w", err)
	}
	return k.spare(name), nil
}

func (*PostgresSchemas) spare(name string) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID(name), Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: name}}
}

// Ready implements [Spares].
func (k *PostgresSchemas) Ready(ctx context.Context, spare tenancy.Tenant, version string) error {
	name := spare.Placement.Schema
	if !k.config.Names.isSpare(name) {
		return gone("schema", name)
	}
	_, err := script(ctx, k.db, "", fmt.Sprintf("PERFORM pg_advisory_xact_lock(%d);\n"+
		"IF NOT EXISTS (SELECT FROM pg_namespace WHERE nspname = %s AND %s) THEN %s END IF;\n%s",
		migrate.LockKey(name), literal(name), isSpareMark("obj_description(oid, 'pg_namespace')"), raise(codeGone), commentOn(name, spareMark(version))))
	if hasCode(err, codeGone) {
		return gone("schema", name)
	}
	if err != nil {
		return fmt.Errorf("namespace: marking a spare schema: %w", err)
	}
	return nil
}

// List implements [Spares].
func (k *PostgresSchemas) List(ctx context.Context) ([]Spare, error) {
	return listSpares(ctx, k.db, `SELECT nspname, obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace
WHERE `+isSpare("nspname", k.config.Names)+` AND obj_description(oid, 'pg_namespace') IS NOT NULL ORDER BY 1`, k.spare)
}

// Discard implements [Spares].
func (k *PostgresSchemas) Discard(ctx context.Context, spare tenancy.Tenant) error {
	name := spare.Placement.Schema
	if !k.config.Names.isSpare(name) {
		return gone("schema", name)
	}
	dropped, err := k.drop(ctx, name, isSpareMark("mark"), codeGone)
	if hasCode(err, codeGone) || err == nil && !dropped {
		return gone("schema", name)
	}
	if err != nil {
		return fmt.Errorf("namespace: dropping a spare schema: %w", err)
	}
	return nil
}

// listSpares reads names and marks, and leaves out what is no spare.
func listSpares(ctx context.Context, db *sql.DB, query string, of func(name string) tenancy.Tenant) (spares []Spare, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("namespace: listing spares: %w", pgerror.WithoutConfig(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name, mark string
		if err := rows.Scan(&name, &mark); err != nil {
			return nil, err
		}
		if version, ok := versionOf(mark); ok {
			spares = append(spares, Spare{Tenant: of(name), Version: version})
		}
	}
	return spares, rows.Err()
}
