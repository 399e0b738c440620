package migrate

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// mysqlEngine is the engine of MySQL and MariaDB.
type mysqlEngine struct{ config *Config }

func (*mysqlEngine) name(schema, table string) string {
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	if schema == "" {
		return quote(table)
	}
	return quote(schema) + "." + quote(table)
}

func (*mysqlEngine) plain(string) []any        { return nil }
func (*mysqlEngine) text(column string) string { return "CAST(" + column + " AS CHAR)" }
func (*mysqlEngine) now() any                  { return time.Now().UTC() }
func (*mysqlEngine) transactional() bool       { return false }
func (*mysqlEngine) syntax() sqltext.Syntax    { return sqltext.MySQL }

func (*mysqlEngine) upsert(table string, columns []string, rows int) string {
	sets := make([]string, 0, len(columns))
	for _, column := range columns[1:] {
		sets = append(sets, column+" = VALUES("+column+")")
	}
	row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
	return "INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES " + row + strings.Repeat(", "+row, rows-1) +
		" ON DUPLICATE KEY UPDATE " + strings.Join(sets, ", ")
}

func (e *mysqlEngine) present(ctx context.Context, q querier, schemas []string) (map[string]*state, error) {
	in, args := anyOf(schemas)
	exist, err := names(ctx, q, "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN "+in, args...)
	if err != nil {
		return nil, err
	}
	recorded, err := names(ctx, q, "SELECT table_schema FROM information_schema.tables WHERE table_name = '"+revisionsTable+"' AND table_schema IN "+in, args...)
	if err != nil {
		return nil, err
	}
	states := make(map[string]*state, len(schemas))
	for _, schema := range schemas {
		states[schema] = &state{exists: has(exist, schema), recorded: has(recorded, schema)}
	}
	return states, nil
}

func (*mysqlEngine) filled(ctx context.Context, q querier, schemas []string) (map[string]bool, error) {
	in, args := anyOf(schemas)
	found, err := names(ctx, q, "SELECT DISTINCT table_schema FROM information_schema.tables WHERE table_name <> '"+revisionsTable+
		"' AND table_name NOT LIKE "+ownTables+" AND table_schema IN "+in, args...)
	if err != nil {
		return nil, err
	}
	if len(schemas) == 1 {
		return map[string]bool{schemas[0]: has(found, schemas[0])}, nil
	}
	return found, nil
}

// anyOf is a list of names for IN. The empty name, which is always alone, is the
// database that the connection is in.
func anyOf(schemas []string) (string, []any) {
	if slices.Equal(schemas, []string{""}) {
		return "(DATABASE())", nil
	}
	args := make([]any, len(schemas))
	for i, schema := range schemas {
		args[i] = schema
	}
	return "(?" + strings.Repeat(", ?", len(schemas)-1) + ")", args
}

// has finds a name among those that were found by anyOf.
func has(found map[string]bool, schema string) bool {
	return found[schema] || schema == "" && len(found) > 0
}

// createRevisions makes what the Atlas CLI creates, which goes by the server.
func (*mysqlEngine) createRevisions(ctx context.Context, q querier) error {
	var maria bool
	if err := scanOne(ctx, q, "SELECT VERSION() LIKE '%MariaDB%'", &maria); err != nil {
		return err
	}
	executed := "NOT NULL"
	if maria {
		executed = "NULL"
	}
	_, err := q.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS `atlas_schema_revisions` (`version` varchar(255) NOT NULL, `description` varchar(255) NOT NULL, "+
		"`type` bigint unsigned NOT NULL DEFAULT 2, `applied` bigint NOT NULL DEFAULT 0, `total` bigint NOT NULL DEFAULT 0, "+
		"`executed_at` timestamp "+executed+", `execution_time` bigint NOT NULL, `error` longtext NULL, `error_stmt` longtext NULL, "+
		"`hash` varchar(255) NOT NULL, `partial_hashes` json NULL, `operator_version` varchar(255) NOT NULL, PRIMARY KEY (`version`)) "+
		"CHARSET utf8mb4 COLLATE utf8mb4_bin")
	return err
}

func (*mysqlEngine) transact(context.Context, *place, *plan) error {
	return errors.New("migrate: MySQL has no transactions for DDL")
}

// session uses the tenant's database for good: the connection is discarded.
func (e *mysqlEngine) session(ctx context.Context, p *place) (*sql.Conn, func(), error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	if p.schema != "" {
		_, err = conn.ExecContext(ctx, "USE "+e.name("", p.schema))
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, e.waits())
	}
	var name, lock string
	if err == nil {
		err = conn.QueryRowContext(ctx, "SELECT COALESCE(DATABASE(), '')").Scan(&name)
	}
	if err == nil {
		lock = LockName(name)
		err = lockMySQL(ctx, conn, lock, 0)
	}
	if err == nil {
		err = withoutMySQLCLI(ctx, conn)
	}
	if err != nil {
		discard(conn)
		return nil, nil, err
	}
	return conn, release(ctx, conn, "DO RELEASE_LOCK('"+lock+"'), "+releaseCLI), nil
}

// cliLockName is the lock that the Atlas CLI has while it works on any database of the
// server, and runLockName the one by which others know that it is a runner who has it.
const (
	cliLockName = "atlas_migrate_execute"
	runLockName = "tenancy:run"
	releaseCLI  = "RELEASE_LOCK('" + runLockName + "'), RELEASE_LOCK('" + cliLockName + "')"
)

// withoutMySQLCLI takes the CLI's lock for a session, unless a runner has it: only one
// can, and it keeps the CLI out as well. If that one ends first the CLI could begin, which
// is better than that nobody is provisioned while a fleet is migrated.
func withoutMySQLCLI(ctx context.Context, conn *sql.Conn) error {
	const both = "GET_LOCK('" + cliLockName + "', 0) AND GET_LOCK('" + runLockName + "', 0)"
	const runner = "IS_USED_LOCK('" + cliLockName + "') = IS_USED_LOCK('" + runLockName + "')"
	var out bool
	err := conn.QueryRowContext(ctx, "SELECT COALESCE("+both+", 0) OR COALESCE("+runner+", 0)").Scan(&out)
	if err == nil && !out {
		err = fmt.Errorf("%w: the Atlas CLI", ErrLocked)
	}
	return err
}

// LockName is the name of the MySQL user lock under which the tables of a database
// are migrated. Who drops the database takes it too. A server has one namespace of
// locks for all its databases, and names of up to 64 characters.
func LockName(database string) string {
	sum := sha256.Sum256([]byte(database))
	return "tenancy:migrate:" + hex.EncodeToString(sum[:20])
}

func lockMySQL(ctx context.Context, conn *sql.Conn, name string, wait time.Duration) error {
	var locked bool
	err := conn.QueryRowContext(ctx, "SELECT COALESCE(GET_LOCK(?, ?), 0)", name, wait.Seconds()).Scan(&locked)
	if err == nil && !locked {
		err = ErrLocked
	}
	return err
}

func (*mysqlEngine) together(text string) bool { return changesRows(text) }

func (*mysqlEngine) busy(error) bool { return false }

// waits is for tables, whose locks a statement otherwise waits a day for, with all who
// want to read the table behind it, and for rows. The server counts seconds.
func (e *mysqlEngine) waits() string {
	wait := max(1, int64(math.Ceil(e.config.LockTimeout.Seconds())))
	return fmt.Sprintf("SET SESSION lock_wait_timeout = %d, SESSION innodb_lock_wait_timeout = %d", wait, wait)
}

// limit leaves it to what the session has set: no statement waits for all transactions.
func (*mysqlEngine) limit(context.Context, *sql.Conn, string) error { return nil }

// locked knows that the time is over, and a deadlock, of which there can be one between
// tables too.
func (*mysqlEngine) locked(err error) bool {
	return slices.Contains([]string{"1205", "1213"}, mysqlCode(err))
}

func (e *mysqlEngine) write(ctx context.Context, q querier, _, v *atlas.Revision) error {
	return overwrite(ctx, e, q, v)
}

func (*mysqlEngine) missing(err error) bool {
	return errors.Is(err, errMissing) || mysqlCode(err) == "1049"
}

// guard takes the CLI's lock. Only one can have it.
func (e *mysqlEngine) guard(ctx context.Context, db *sql.DB) (*guard, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	err = lockMySQL(ctx, conn, cliLockName, e.config.LockWait)
	if err == nil {
		err = lockMySQL(ctx, conn, runLockName, e.config.LockWait)
	}
	if err != nil {
		discard(conn)
		return nil, err
	}
	return &guard{conn: conn, release: release(ctx, conn, "DO "+releaseCLI)}, nil
}

// again knows what MySQL and MariaDB say of a database, table, index, routine,
// trigger, event, column, constraint or partition.
func (*mysqlEngine) again(of effect, err error) bool {
	return slices.Contains(map[effect][]string{
		creates: {"1007", "1050", "1061", "1304", "1359", "1537"},
		drops:   {"1008", "1051", "1305", "1360", "1539", "4091", "4092"},
		adds:    {"1060", "1061", "1517", "1826", "3822"},
		removes: {"1091", "1507", "3821", "3940"},
	}[of], mysqlCode(err))
}

var mysqlError = regexp.MustCompile(`\bError (\d{4})\b`)

// mysqlCode finds the server's number of an error. The library does not know the driver.
func mysqlCode(err error) string {
	if err == nil {
		return ""
	}
	if found := mysqlError.FindStringSubmatch(err.Error()); found != nil {
		return found[1]
	}
	return ""
}

func (*mysqlEngine) tidy(context.Context, *sql.Conn, string) error { return nil }
