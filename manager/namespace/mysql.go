package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// MySQL keeps a database for each tenant on one server of MySQL or MariaDB: for
// tenants with tenancy.IsolationSchema, to which a schema is a database there,
// or with tenancy.IsolationDatabase. The mark is in the database's own table
// tenancy_namespace.
//
// These servers have no transactions for DDL, and cannot rename a database. So
// what is begun is written down beforehand, in the table tenancy_namespaces of
// db's own database, and a tenant that gets a spare has it under the spare's name.
// Who makes or drops a database waits for its migration (see migrate.LockName).
type MySQL struct {
	db      *sql.DB
	address address // nil for schemas
	config  MySQLConfig
}

var (
	_ Keeper = (*MySQL)(nil)
	_ Spares = (*MySQL)(nil)
)

// MySQLConfig is what MySQL can be told.
type MySQLConfig struct {
	// Names says how databases are named.
	Names Names
	// Users serve requests. They get SELECT, INSERT, UPDATE and DELETE in each
	// database, and Verify fails where one surely has not. The part behind the
	// last @ is the host, as in shop@%. Make fails where there is no such account.
	// Defaults to none: grants are somebody else's business.
	Users []string
}

// NewMySQLSchemas returns the keeper of databases of tenants with
// tenancy.IsolationSchema on the server of db, whose user will make, migrate and
// drop them. It does not connect.
func NewMySQLSchemas(db *sql.DB, config MySQLConfig) (*MySQL, error) {
	return newMySQL(db, nil, config)
}

// NewMySQLDatabases is NewMySQLSchemas for tenants with tenancy.IsolationDatabase.
// The address is what goes into their placements: a DSN of go-sql-driver for the
// same server without a database, as the user that serves requests, such as
// shop:secret@tcp(db:3306)/?parseTime=true. No error shows it.
func NewMySQLDatabases(db *sql.DB, address tenancy.Secret, config MySQLConfig) (*MySQL, error) {
	dsn, err := newMySQLAddress(address.Reveal())
	if err != nil {
		return nil, fmt.Errorf("namespace: NewMySQLDatabases: the address %w", err)
	}
	return newMySQL(db, dsn, config)
}

func newMySQL(db *sql.DB, a address, config MySQLConfig) (*MySQL, error) {
	if db == nil {
		return nil, errors.New("namespace: a keeper of MySQL databases needs a db")
	}
	for _, user := range config.Users {
		if at := strings.LastIndexByte(user, '@'); at < 1 || strings.ContainsAny(user, "'`\\\x00") {
			return nil, errors.New("namespace: MySQLConfig.Users: each must be like shop@%")
		}
	}
	var err error
	config.Names, err = config.Names.withDefaults()
	return &MySQL{db: db, address: a, config: config}, err
}

// Plan implements [Keeper].
func (k *MySQL) Plan(t tenancy.Tenant) (tenancy.Placement, error) {
	name, err := k.config.Names.of(t.ID)
	return k.placement(name), err
}

func (k *MySQL) placement(name string) tenancy.Placement {
	if k.address == nil {
		return tenancy.Placement{Schema: name}
	}
	return tenancy.Placement{DatabaseURL: k.address.of(name)}
}

// kind tells the rows of the two keepers apart.
func (k *MySQL) kind() string {
	if k.address == nil {
		return string(tenancy.IsolationSchema)
	}
	return string(tenancy.IsolationDatabase)
}

func (k *MySQL) nameOf(t tenancy.Tenant) (string, error) {
	if k.address != nil {
		return databaseOf(k.address, k.config.Names, t)
	}
	return t.Placement.Schema, k.config.Names.usable(t, t.Placement.Schema)
}

// Name implements [Keeper].
func (k *MySQL) Name(t tenancy.Tenant) string {
	if k.address == nil {
		return t.Placement.Schema
	}
	name, _ := k.address.name(t.Placement.DatabaseURL)
	return name
}

// Verify implements [Keeper].
func (k *MySQL) Verify(ctx context.Context, t tenancy.Tenant) error {
	name, err := k.nameOf(t)
	if err != nil {
		return err
	}
	mark, there, err := markOfDatabase(ctx, k.db, name)
	switch {
	case err != nil:
		return failed("looking at the database", t, err)
	case !there:
		return missing(t, "database", name)
	case mark != markOf(t.ID):
		return foreign(t, "database", name)
	}
	if err := k.verifyGrants(ctx, k.db, name); err != nil {
		return failed("checking the database", t, err)
	}
	return nil
}

// querier is a pool, a connection or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// markOfDatabase returns the mark of a database, empty if it has none.
func markOfDatabase(ctx context.Context, q querier, name string) (mark string, there bool, err error) {
	var tables, marked int
	err = q.QueryRowContext(ctx, `SELECT COUNT(*), (SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name = 'tenancy_namespace')
FROM information_schema.schemata WHERE schema_name = ?`, name, name).Scan(&tables, &marked)
	if err != nil || tables == 0 || marked == 0 {
		return "", tables > 0, err
	}
	err = q.QueryRowContext(ctx, "SELECT mark FROM "+backquoted(name)+".tenancy_namespace WHERE id = 1").Scan(&mark)
	if errors.Is(err, sql.ErrNoRows) || isMySQL(err, "1146") {
		return "", true, nil
	}
	return mark, true, err
}

// putMark writes the mark of a database that has none.
func putMark(ctx context.Context, q querier, name, mark string) error {
	table := backquoted(name) + ".tenancy_namespace"
	_, err := q.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+table+
		" (id INT NOT NULL PRIMARY KEY, mark TEXT NOT NULL) ENGINE InnoDB CHARSET utf8mb4 COLLATE utf8mb4_bin")
	if err == nil {
		_, err = q.ExecContext(ctx, "INSERT IGNORE INTO "+table+" (id, mark) VALUES (1, ?)", mark)
	}
	return err
}

// locked lends a session that has the lock of a database's migrations, and does
// not wait for days for the tables of others. It is discarded afterwards.
func (k *MySQL) locked(ctx context.Context, name string, do func(*sql.Conn) error) error {
	conn, err := k.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer discard(conn)
	if _, err := conn.ExecContext(ctx, "SET SESSION lock_wait_timeout = 10"); err != nil {
		return err
	}
	lock := migrate.LockName(name)
	var got bool
	if err := conn.QueryRowContext(ctx, "SELECT COALESCE(GET_LOCK(?, 10), 0)", lock).Scan(&got); err != nil {
		return err
	}
	if !got {
		return fmt.Errorf("%w: the database %q", migrate.ErrLocked, name)
	}
	err = do(conn)
	_, _ = conn.ExecContext(context.WithoutCancel(ctx), "DO RELEASE_LOCK(?)", lock) // the end of the session does it too
	return err
}

func backquoted(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

var mysqlError = regexp.MustCompile(`\bError (\d{4})\b`)

// isMySQL finds the server's number of an error. The library does not know the driver.
func isMySQL(err error, codes ...string) bool {
	if err == nil {
		return false
	}
	found := mysqlError.FindStringSubmatch(err.Error())
	return found != nil && slices.Contains(codes, found[1])
}
