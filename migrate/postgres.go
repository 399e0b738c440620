package migrate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/internal/sqltext"
)

// postgresEngine is the engine of PostgreSQL.
type postgresEngine struct{ config *Config }

// cliLock is the key of the advisory lock that the Atlas CLI has while it works.
const cliLock = 2686470616

// withoutCLI is a condition that takes the CLI's lock, in a way that other runs can
// have it too. A CLI that waits in the queue for a run's guard keeps new sessions
// from the lock; it is as good then that the guard, or another run's, is there:
// the CLI cannot be at work meanwhile. Without that the two would wait for each other.
func withoutCLI(try string) string {
	return fmt.Sprintf("(%s(%d) OR EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = 0 AND objid = %d AND objsubid = 1 "+
		"AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND mode = 'ShareLock' AND granted))",
		try, int64(cliLock), int64(cliLock))
}

// LockKey is the key of the PostgreSQL advisory lock under which the tables of
// a schema are migrated. Who drops the schema takes it too.
func LockKey(schema string) int64 {
	sum := sha256.Sum256([]byte("tenancy:migrate:" + schema))
	return int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any 64 bits are a key
}

// openPostgres is the default of Config.Open.
func openPostgres(_ context.Context, t tenancy.Tenant) (Database, error) {
	config, err := pgx.ParseConfig(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return Database{}, fmt.Errorf("%w: its URL cannot be read; what is wrong with it may be secret", tenancy.ErrInvalidPlacement)
	}
	return Database{DB: stdlib.OpenDB(*config), Server: fmt.Sprintf("%s:%d", config.Host, config.Port)}, nil
}

func (*postgresEngine) name(schema, table string) string {
	if schema == "" {
		return identifier(table)
	}
	return identifier(schema) + "." + identifier(table)
}

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

func (*postgresEngine) plain(string) []any        { return []any{pgx.QueryExecModeSimpleProtocol} }
func (*postgresEngine) text(column string) string { return column + "::text" }
func (*postgresEngine) now() any                  { return time.Now() }
func (*postgresEngine) transactional() bool       { return true }
func (*postgresEngine) syntax() sqltext.Syntax    { return sqltext.Postgres }
func (*postgresEngine) placeholder(n int) string  { return fmt.Sprintf("$%d", n) }
func (e *postgresEngine) upsert(table string, columns []string, rows int) string {
	return onConflict(e.placeholder, table, columns, rows)
}

// revisionsText is the text of state.sum in SQL. It is compared as it is: to hash it takes
// the server longer than all the rest of the look.
const revisionsText = `string_agg(concat(version, ':', hash, ':', applied, ':', total, ':', type, ':', NULLIF(error, '') IS NOT NULL), ',' ORDER BY version COLLATE "C")`

func (*postgresEngine) present(ctx context.Context, q querier, schemas []string) (_ map[string]*state, err error) {
	rows, err := q.QueryContext(ctx, `SELECT n.nspname, c.oid IS NOT NULL FROM pg_namespace n
LEFT JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = '`+revisionsTable+`' WHERE n.nspname = ANY($1)`, schemas)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	states := make(map[string]*state, len(schemas))
	for rows.Next() {
		var name string
		s := &state{exists: true}
		if err := rows.Scan(&name, &s.recorded); err != nil {
			return nil, err
		}
		states[name] = s
	}
	return states, rows.Err()
}

func (*postgresEngine) filled(ctx context.Context, q querier, schemas []string) (map[string]bool, error) {
	// What belongs to an extension is no table of ours. Extensions are in the home's schema, so others are not looked at for it.
	return names(ctx, q, `SELECT DISTINCT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> '`+revisionsTable+`' AND c.relname NOT LIKE `+ownTables+`
  AND NOT (n.nspname = 'public' AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'))`, schemas)
}

// postgresRevisions is what the Atlas CLI creates, so that it finds nothing to change.
const postgresRevisions = `CREATE TABLE "atlas_schema_revisions" ("version" character varying NOT NULL, "description" character varying NOT NULL, ` +
	`"type" bigint NOT NULL DEFAULT 2, "applied" bigint NOT NULL DEFAULT 0, "total" bigint NOT NULL DEFAULT 0, "executed_at" timestamptz NOT NULL, ` +
	`"execution_time" bigint NOT NULL, "error" text NULL, "error_stmt" text NULL, "hash" character varying NOT NULL, "partial_hashes" jsonb NULL, ` +
	`"operator_version" character varying NOT NULL, PRIMARY KEY ("version"))`

func (*postgresEngine) createRevisions(ctx context.Context, q querier) error {
	_, err := q.ExecContext(ctx, postgresRevisions)
	return err
}

// session sets the path for good: the connection is discarded. It needs a
// session of its own, which a pooler in transaction mode does not give.
func (e *postgresEngine) session(ctx context.Context, p *place) (*sql.Conn, func(), error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, nil, pgerror.WithoutConfig(err)
	}
	var there, locked bool
	if err = direct(ctx, conn); err == nil {
		_, err = conn.ExecContext(ctx, "SET search_path TO "+identifier(p.schema)+"; SET row_security = off")
	}
	if err == nil {
		err = e.limit(ctx, conn, "")
	}
	if err == nil {
		err = conn.QueryRowContext(ctx, fmt.Sprintf("SELECT current_schema() IS NOT NULL, %s AND pg_try_advisory_lock(%d)",
			withoutCLI("pg_try_advisory_lock_shared"), LockKey(p.schema))).Scan(&there, &locked)
	}
	switch {
	case err != nil:
	case !there:
		err = errMissing
	case !locked:
		err = ErrLocked
	default:
		return conn, release(ctx, conn, "SELECT pg_advisory_unlock_all()"), nil
	}
	discard(conn)
	return nil, nil, err
}

// direct refuses a connection to a pooler, which could give each statement another
// session: the path of one tenant, and then the table of the next. A pooler has
// numbers of its own for the sessions that it pretends to be.
func direct(ctx context.Context, conn *sql.Conn) error {
	var session, said uint32
	err := conn.QueryRowContext(ctx, "SELECT pg_backend_pid()", pgx.QueryExecModeSimpleProtocol).Scan(&session)
	if err != nil {
		return err
	}
	err = conn.Raw(func(driverConn any) error {
		std, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx(driverConn)
		}
		said = std.Conn().PgConn().PID()
		return nil
	})
	if err == nil && session != said {
		err = ErrPooler
	}
	return err
}

func errNotPgx(driverConn any) error {
	return fmt.Errorf("migrate: the database has to be opened with pgx' stdlib, and is a %T", driverConn)
}

func (*postgresEngine) together(text string) bool { return changesRows(text) }

func (*postgresEngine) busy(error) bool { return false }

var online = regexp.MustCompile(`\bCONCURRENTLY\b`)

// limit lets only what works CONCURRENTLY wait for ever: it waits for the end of all
// transactions, and nobody waits behind it. Behind an ALTER TABLE that waits for a
// transaction everybody waits who wants to read the table.
func (e *postgresEngine) limit(ctx context.Context, conn *sql.Conn, words string) error {
	wait := milliseconds(e.config.LockTimeout)
	if online.MatchString(words) {
		wait = 0
	}
	_, err := conn.ExecContext(ctx, fmt.Sprintf("SET lock_timeout = %d", wait))
	return err
}

func (*postgresEngine) locked(err error) bool { return hasCode(err, "55P03", "40P01") }

func (e *postgresEngine) write(ctx context.Context, q querier, _, v *atlas.Revision) error {
	return overwrite(ctx, e, q, v)
}

func (*postgresEngine) missing(err error) bool {
	return errors.Is(err, errMissing) || hasCode(err, "3D000")
}

// guard takes the CLI's lock in a way that other runs can have it too: in a
// transaction, which has its session to itself behind a pooler too. It keeps no
// snapshot, so nobody waits for it who begins later.
func (e *postgresEngine) guard(ctx context.Context, db *sql.DB) (*guard, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, pgerror.WithoutConfig(err)
	}
	// PostgreSQL 17 can also limit how long a transaction takes in all.
	query := fmt.Sprintf("BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = %d; "+
		"SELECT set_config('transaction_timeout', '0', true) WHERE current_setting('server_version_num')::int >= 170000; "+
		"SELECT pg_advisory_xact_lock_shared(%d)", milliseconds(e.config.LockWait), int64(cliLock))
	if _, err := conn.ExecContext(ctx, query); err != nil {
		discard(conn)
		if hasCode(err, "55P03") {
			return nil, fmt.Errorf("%w: the Atlas CLI", ErrLocked)
		}
		return nil, err
	}
	return &guard{conn: conn, release: func() {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
			discard(conn)
			return
		}
		_ = conn.Close() // it only gives the connection back
	}}, nil
}

// confirm commits something that is written to the server's log, as the server is
// configured to: so is all that was committed before. A crash before that would
// have ended the guard's session with all others, which is asked by a statement
// that is none: with a SELECT the guard would have a snapshot for a moment, and
// CREATE INDEX CONCURRENTLY, of this run or another, which sees that waits until the
// guard's transaction ends. That of this run ends after the index is made.
func (*postgresEngine) confirm(ctx context.Context, db *sql.DB, g *guard) error {
	if _, err := db.ExecContext(ctx, "SELECT pg_logical_emit_message(true, 'tenancy', '')", pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	_, err := g.conn.ExecContext(ctx, ";", pgx.QueryExecModeSimpleProtocol)
	return err
}

func hasCode(err error, codes ...string) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && slices.Contains(codes, failed.Code)
}

// again knows what PostgreSQL says of a relation, schema, type, function, column or
// constraint. What it says of a relation that is not there is about the one that
// something is added to, or that a view reads, just as well.
func (*postgresEngine) again(of effect, err error) bool {
	return hasCode(err, map[effect][]string{
		creates: {"42P07", "42P06", "42710", "42723"},
		drops:   {"42P01", "3F000", "42704", "42883"},
		adds:    {"42P07", "42701", "42710"},
		removes: {"42703", "42704"},
	}[of]...)
}

// blank is white space and comments between two words.
const blank = `(?:\s|--[^\n]*\n|/\*(?:[^*]|\*+[^*/])*\*+/)+`

// concurrent finds the name of an index that is made outside of transactions.
var concurrent = regexp.MustCompile(`(?i)^(?:` + blank + `)?CREATE` + blank + `(?:UNIQUE` + blank + `)?INDEX` + blank + `CONCURRENTLY` + blank +
	`(?:IF` + blank + `NOT` + blank + `EXISTS` + blank + `)?("(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)` + blank)

// tidy drops the index that an unfinished CREATE INDEX CONCURRENTLY leaves, and
// that nothing uses but every write keeps up to date.
func (e *postgresEngine) tidy(ctx context.Context, conn *sql.Conn, text string) error {
	found := concurrent.FindStringSubmatch(text)
	if found == nil {
		return nil
	}
	var invalid bool
	query := "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)"
	if err := conn.QueryRowContext(ctx, query, found[1]).Scan(&invalid); err != nil || !invalid {
		return err
	}
	if err := e.limit(ctx, conn, "CONCURRENTLY"); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "DROP INDEX CONCURRENTLY "+found[1])
	return err
}
