package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pause"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// PostgresDatabases keeps a PostgreSQL database for each tenant with
// tenancy.IsolationDatabase on one server. The mark is the database's comment.
//
// CREATE DATABASE cannot be in a transaction. So a database is made under a name
// that goes by the tenant and that nobody is given, and gets its mark and its
// own name in one transaction: whoever stops in between, or comes second, finds
// either all of it or what the next one goes on with.
//
// PostgreSQL has to be 13 or newer: DROP DATABASE ends sessions only there.
type PostgresDatabases struct {
	db      *sql.DB
	address postgresAddress
	config  PostgresDatabasesConfig
}

var (
	_ Keeper = (*PostgresDatabases)(nil)
	_ Spares = (*PostgresDatabases)(nil)
)

// PostgresDatabasesConfig is what PostgresDatabases can be told.
type PostgresDatabasesConfig struct {
	// Names says how databases are named.
	Names Names
	// Roles serve requests. Beside the owner only they may connect, and they get
	// SELECT, INSERT, UPDATE and DELETE in the tables that db's role makes.
	// Defaults to nil: grants are somebody else's business, and PUBLIC may connect as
	// the server's template says. An empty list that is not nil is for an owner that
	// serves by itself: nobody else may connect.
	Roles []string
	// Schema is the one in which the tables are. Defaults to "public".
	Schema string
	// Template is the database that new ones are copies of. Defaults to the server's.
	Template string
}

// NewPostgresDatabases returns the keeper of the databases on the server of db.
// That is opened with the driver of pgx' stdlib, as a role with CREATEDB that
// will own them, and on a database that is not one of them. The address is what
// goes into tenants' placements: a URL of the same server without a database,
// as the role that serves requests, such as postgres://shop:secret@db:5432. It
// does not connect. No error shows the address.
func NewPostgresDatabases(db *sql.DB, address tenancy.Secret, config PostgresDatabasesConfig) (*PostgresDatabases, error) {
	if db == nil {
		return nil, errors.New("namespace: NewPostgresDatabases needs a db")
	}
	template, err := newPostgresAddress(address.Reveal())
	if err != nil {
		return nil, fmt.Errorf("namespace: NewPostgresDatabases: the address %w", err)
	}
	if config.Schema == "" {
		config.Schema = "public"
	}
	config.Names, err = config.Names.withDefaults()
	return &PostgresDatabases{db: db, address: template, config: config}, err
}

// Plan implements [Keeper].
func (k *PostgresDatabases) Plan(t tenancy.Tenant) (tenancy.Placement, error) {
	name, err := k.config.Names.of(t.ID)
	return tenancy.Placement{DatabaseURL: k.address.of(name)}, err
}

// Name implements [Keeper].
func (k *PostgresDatabases) Name(t tenancy.Tenant) string {
	name, _ := k.address.name(t.Placement.DatabaseURL)
	return name
}

// Make implements [Keeper].
func (k *PostgresDatabases) Make(ctx context.Context, t tenancy.Tenant, version string) (Made, error) {
	name, err := databaseOf(k.address, k.config.Names, t)
	if err != nil {
		return Made{}, err
	}
	made := Made{Placement: t.Placement}
	result, err := k.take(ctx, t, name, version)
	if err == nil && result == "" {
		result, err = k.create(ctx, t, name)
	}
	switch {
	case hasCode(err, codeForeign):
		return Made{}, foreign(t, "database", name)
	case err != nil:
		return Made{}, failed("making the database", t, err)
	}
	if err := k.grant(ctx, name); err != nil {
		return Made{}, failed("granting the database", t, err)
	}
	made.New = result != "there"
	if result == "spare" {
		made.Version = version
	}
	return made, nil
}

// state begins a script: it finds the tenant's database, and is over if it is there.
func (k *PostgresDatabases) state(t tenancy.Tenant, name string) string {
	return "PERFORM pg_advisory_xact_lock(" + fmt.Sprintf(lockKey, literal(name)) + ");\n" +
		"SELECT datname, shobj_description(oid, 'pg_database') INTO found, mark FROM pg_database WHERE datname = " + literal(name) + ";\n" +
		"IF found IS NOT NULL THEN IF mark IS DISTINCT FROM " + literal(markOf(t.ID)) + " THEN " + raise(codeForeign) + " END IF;\n" +
		"PERFORM set_config('tenancy.result', 'there', true); RETURN; END IF;\n"
}

// take says "there" if the tenant has its database, "spare" if it has got one,
// and nothing otherwise.
func (k *PostgresDatabases) take(ctx context.Context, t tenancy.Tenant, name, version string) (string, error) {
	body := k.state(t, name)
	if version != "" {
		isReady := "shobj_description(oid, 'pg_database') = " + literal(spareMark(version))
		body += "FOR spare IN SELECT datname FROM pg_database WHERE " + isSpare("datname", k.config.Names) + " AND " + isReady + " ORDER BY random() LOOP\n" +
			"CONTINUE WHEN NOT pg_try_advisory_xact_lock(" + fmt.Sprintf(lockKey, "spare") + ");\n" +
			"CONTINUE WHEN NOT EXISTS (SELECT FROM pg_database WHERE datname = spare AND " + isReady + ");\n" +
			"EXECUTE format('ALTER DATABASE %I RENAME TO %I', spare, " + literal(name) + ");\n" +
			k.comment(name, markOf(t.ID)) +
			"PERFORM set_config('tenancy.result', 'spare', true);\nRETURN;\nEND LOOP;\n"
	}
	result, err := script(ctx, k.db, "found name; mark text; spare name;", body)
	if hasCode(err, "55006") { // somebody looks at the spare
		return "", nil
	}
	return result, err
}

func (*PostgresDatabases) comment(name, mark string) string {
	return "COMMENT ON DATABASE " + identifier(name) + " IS " + literal(mark) + ";\n"
}

// maxTries is how often something is tried that another session is in the way of.
const maxTries = 10

// create makes a database under its scratch name, and gives it its own.
func (k *PostgresDatabases) create(ctx context.Context, t tenancy.Tenant, name string) (result string, err error) {
	scratch := k.config.Names.scratch(t.ID)
	body := k.state(t, name) + "ALTER DATABASE " + identifier(scratch) + " RENAME TO " + identifier(name) + ";\n" +
		k.comment(name, markOf(t.ID)) + "PERFORM set_config('tenancy.result', 'new', true);"
	for try := range maxTries {
		// 42P04 and 23505: it is there already, from before or from another process.
		if err = k.createDatabase(ctx, scratch); err != nil && !hasCode(err, "42P04", "23505") {
			return "", err
		}
		result, err = script(ctx, k.db, "found name; mark text;", body)
		// 3D000: another process has given it its name. 55006: it is being made.
		if !hasCode(err, "3D000", "55006", "42P04") || backOff(ctx, try) != nil {
			break
		}
	}
	if err == nil && result == "there" { // another process was faster, and what we have made is left over
		err = k.dropDatabase(ctx, scratch, k.address.of(scratch))
	}
	return result, err
}

// createDatabase waits for whoever has the template.
func (k *PostgresDatabases) createDatabase(ctx context.Context, name string) (err error) {
	template := ""
	if k.config.Template != "" {
		template = " TEMPLATE " + identifier(k.config.Template)
	}
	for try := range maxTries {
		if _, err = k.db.ExecContext(ctx, "CREATE DATABASE "+identifier(name)+template); !hasCode(err, "55006") || backOff(ctx, try) != nil {
			break
		}
	}
	return pgerror.WithoutConfig(err)
}

// backOff waits a little longer after each try.
func backOff(ctx context.Context, try int) error {
	return pause.For(ctx, time.Duration(try+1)*20*time.Millisecond)
}

// grant lets the roles into a database, and nobody else. It is done again by who finds the database made,
// and for a spare, which may be from before a role was named.
func (k *PostgresDatabases) grant(ctx context.Context, name string) error {
	if k.config.Roles == nil {
		return nil
	}
	closing := "PERFORM pg_advisory_xact_lock(" + fmt.Sprintf(lockKey, literal(name)) + ");\n" + // two at once would fail
		"REVOKE CONNECT, TEMPORARY ON DATABASE " + identifier(name) + " FROM PUBLIC;\n"
	if len(k.config.Roles) == 0 {
		_, err := script(ctx, k.db, "", closing)
		return err
	}
	roles := make([]string, len(k.config.Roles))
	for i, role := range k.config.Roles {
		roles[i] = identifier(role)
	}
	body := closing +
		"GRANT CONNECT ON DATABASE " + identifier(name) + " TO " + strings.Join(roles, ", ") + ";\n" +
		"CREATE SCHEMA IF NOT EXISTS " + identifier(k.config.Schema) + ";\n" +
		grants(k.config.Schema, k.config.Roles)
	return k.within(ctx, name, func(db *sql.DB) error {
		_, err := script(ctx, db, grantsDeclare, body)
		return err
	})
}

// within opens one of the databases, as db's role, for the time of do.
func (k *PostgresDatabases) within(ctx context.Context, name string, do func(*sql.DB) error) error {
	var config *pgx.ConnConfig
	err := onConn(ctx, k.db, func(conn *pgx.Conn) error {
		config = conn.Config()
		return nil
	})
	if err != nil {
		return err
	}
	config.Database = name
	db := stdlib.OpenDB(*config)
	return errors.Join(do(db), db.Close())
}

// Verify implements [Keeper].
func (k *PostgresDatabases) Verify(ctx context.Context, t tenancy.Tenant) error {
	name, err := databaseOf(k.address, k.config.Names, t)
	if err != nil {
		return err
	}
	mark, there, err := k.mark(ctx, name)
	switch {
	case err != nil:
		return failed("looking at the database", t, err)
	case !there:
		return missing(t, "database", name)
	case mark != markOf(t.ID):
		return foreign(t, "database", name)
	case len(k.config.Roles) == 0:
		return nil
	}
	err = k.within(ctx, name, func(db *sql.DB) error { return verifyGrants(ctx, db, k.config.Schema, k.config.Roles) })
	if err != nil {
		return failed("checking the database", t, err)
	}
	return nil
}

func (k *PostgresDatabases) mark(ctx context.Context, name string) (mark string, there bool, err error) {
	var found sql.NullString
	err = k.db.QueryRowContext(ctx, "SELECT shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database WHERE datname = $1", name).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return found.String, err == nil, pgerror.WithoutConfig(err)
}

// Drop implements [Keeper]. It ends the sessions of whoever is still connected, a
// migration's too, and lets nobody in any more. Sessions of the role in the tenant's
// URL are ended as that role, which has to be let into the database of db for it, where
// db's role may not end them. For those of others that has to be a member of their
// roles or of pg_signal_backend: otherwise it fails, and the database stays as it was,
// but for the sessions that have ended.
func (k *PostgresDatabases) Drop(ctx context.Context, t tenancy.Tenant) (bool, error) {
	name, err := databaseOf(k.address, k.config.Names, t)
	if err != nil {
		return false, err
	}
	mark, there, err := k.mark(ctx, name)
	if err == nil && there && mark != markOf(t.ID) {
		return false, foreign(t, "database", name)
	}
	if err == nil { // first, so that a failure leaves the tenant what it has
		err = k.dropScratch(ctx, k.config.Names.scratch(t.ID))
	}
	switch {
	case err != nil && !errors.Is(err, ErrNothingDropped):
		err = nothingDropped(err)
	case err == nil && there:
		err = k.dropDatabase(ctx, name, t.Placement.DatabaseURL)
	}
	if err != nil {
		return false, failed("dropping the database", t, err)
	}
	return there, nil
}

// dropScratch drops what was left half made. A server goes on with CREATE DATABASE
// when the process that has sent it is dead, so that what is not there yet may come.
func (k *PostgresDatabases) dropScratch(ctx context.Context, name string) error {
	const making = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND starts_with(query, $1)"
	for try := range maxTries {
		var sessions int
		err := k.db.QueryRowContext(ctx, making, "CREATE DATABASE "+identifier(name)).Scan(&sessions)
		if err != nil {
			return pgerror.WithoutConfig(err)
		}
		if sessions == 0 {
			return k.dropDatabase(ctx, name, k.address.of(name))
		}
		if err := backOff(ctx, try); err != nil {
			return err
		}
	}
	return errors.New("the server is still making it for a process that is gone: try again")
}

// dropDatabase drops a database if there is one. Between the end of a session and
// the drop a client could come back, so none is let in, unless it stays: then the
// error is [ErrNothingDropped].
func (k *PostgresDatabases) dropDatabase(ctx context.Context, name string, serving tenancy.Secret) (err error) {
	allow := "ALTER DATABASE " + identifier(name) + " ALLOW_CONNECTIONS "
	for try := range maxTries {
		_, err = k.db.ExecContext(ctx, allow+"false")
		if hasCode(err, "3D000") {
			return nil
		}
		if hasCode(err, "42501") { // it is another's
			return nothingDropped(err)
		}
		_, err = k.db.ExecContext(ctx, "DROP DATABASE IF EXISTS "+identifier(name)+" WITH (FORCE)")
		if hasCode(err, "42501") { // a session is there of a role that this one may not end
			k.endServing(ctx, name, serving)
		}
		if !hasCode(err, "55006", "42501") || backOff(ctx, try) != nil {
			break
		}
	}
	if !refused(err) {
		return pgerror.WithoutConfig(err)
	}
	_, failed := k.db.ExecContext(context.WithoutCancel(ctx), allow+"true")
	if hasCode(err, "42501") {
		err = k.inUse(ctx, name, err)
	}
	return errors.Join(nothingDropped(err), pgerror.WithoutConfig(failed))
}

// endServing ends the sessions in a database of the role that serves requests, as that
// role, which may end its own. It connects where db does. Whether it could is seen by who
// tries to drop the database again.
func (k *PostgresDatabases) endServing(ctx context.Context, name string, serving tenancy.Secret) {
	config, err := pgx.ParseConfig(serving.Reveal())
	if err != nil {
		return
	}
	err = onConn(ctx, k.db, func(conn *pgx.Conn) error {
		config.Database = conn.Config().Database
		return nil
	})
	if err != nil {
		return
	}
	config.ConnectTimeout = 5 * time.Second
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return
	}
	defer conn.Close(ctx) //nolint:errcheck // it only says goodbye
	_, _ = conn.PgConn().Exec(ctx, "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity WHERE usename = current_user AND datname = "+literal(name)).ReadAll()
}

// inUse says who is in a database, and what to do about it. Nothing lets a role end the
// sessions of superusers but being one, and those without a role, such as autovacuum's,
// end by themselves.
func (k *PostgresDatabases) inUse(ctx context.Context, name string, because error) error {
	var us, roles, superusers string
	err := k.db.QueryRowContext(ctx, `SELECT quote_ident(current_user),
COALESCE(string_agg(DISTINCT quote_ident(r.rolname), ', ') FILTER (WHERE NOT r.rolsuper
	AND NOT pg_has_role(r.oid, 'USAGE') AND NOT pg_has_role('pg_signal_backend', 'USAGE')), ''),
COALESCE(string_agg(DISTINCT quote_ident(r.rolname), ', ') FILTER (WHERE r.rolsuper), '')
FROM pg_catalog.pg_stat_activity a JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid WHERE a.datname = $1`, name).Scan(&us, &roles, &superusers)
	if err != nil {
		return because
	}
	var what []string
	if superusers != "" {
		what = append(what, fmt.Sprintf("sessions of superusers (%s) are in it, which only a superuser may end: end them as one", superusers))
	}
	if roles != "" {
		what = append(what, fmt.Sprintf("sessions of %[1]s are in it, which %[2]s may not end: end them, GRANT pg_signal_backend TO %[2]s or GRANT %[1]s TO %[2]s", roles, us))
	}
	if what == nil {
		what = []string{"there were sessions in it that have left, or those of the server itself: try again"}
	}
	return fmt.Errorf("%s: %w", strings.Join(what, "; "), because)
}
