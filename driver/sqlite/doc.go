// Package sqlite gives each tenant a SQLite file of its own, with the file of
// the global tables attached to it. It imports no SQLite: the application gives
// the driver for database/sql that it uses.
//
//	files, err := sqlite.New(sqlite.Config{
//		Driver: &modernc.Driver{}, Dir: "tenants", Global: "global.db", Metadata: migrate.Tenancy,
//	})
//	home := entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.Home()))
//	drv, err := driver.New(home, driver.Config{Databases: driver.Databases{Open: files.Open}})
//	client := ent.NewClient(ent.TenancyDriver(drv))
//
// # Which files there are
//
//   - A tenant with tenancy.IsolationSchema has the file Dir/<Placement.Schema>.db,
//     one with tenancy.IsolationDatabase the file that its Placement.DatabaseURL
//     names, as file:/var/lib/app/acme.db.
//   - Global holds the tables of global entities and none of tenants. It is
//     attached to every tenant's file, read-only, so that a query may join it.
//   - Home holds the tables of tenants without a file, if there are any. The
//     global file is attached to it as well: read-only by [Files.Home], and by
//     [Files.System], which is for driver.Config.System, for writing. Without
//     such tenants the global file is the home, and what writes to it is Home.
//
// Nothing here creates a file. What migrates does, by opening the file with the
// driver's own data source name, a tenant's by that of [Files.Path]. The tables
// come from driver.SplitTables. A foreign key cannot point to another file, so
// none leads from a tenant's table to a global one.
//
// Every connection has foreign keys on and waits for other writers. Files are
// in WAL mode: each has one writer at a time, beside any number of readers. A
// transaction takes the write lock when it begins, unless [Config].Parameters
// says otherwise. SQLite rolls it back by itself when a write in it is interrupted,
// such as by the end of its context, when the disk is full, and for ON CONFLICT
// ROLLBACK. What follows in it, and its Commit, then fail with sql.ErrTxDone and the
// reason: nothing is written beside it. One that writes to the home and, in a System scope, to the
// global file is not atomic over both if the machine stops in the middle.
//
// # What cannot fall through
//
// SQLite looks for an unqualified name in the main file and then in the
// attached one. A table of tenants in the global file would therefore serve all
// whose own file lacks it. When a connection is opened, and whenever the global
// file's schema has changed since, its tables are compared with
// [Config].Metadata: one of tenants there is [ErrMixed], and so is a table that is
// in both files, since the one hides the other. So a missing table is an error,
// tenancy.ErrNotProvisioned from package driver. To see whether the schema has
// changed takes about 10 µs when a connection is taken from the pool.
//
// What remains is the moment between that look, before a statement or a
// transaction, and the statement itself: do not create tables of tenants in the
// global file of a running application.
//
// # Files that are removed or replaced
//
// SQLite goes on with a file that has been removed, or in whose place another was
// put. So when a connection is taken from the pool, its files are looked at, for
// a few µs each, and one whose file is no longer at its path is closed: a tenant
// that was erased is tenancy.ErrNotProvisioned, in other processes too, and a backup
// that was put in place of a file is served. To put it there, remove the file, then
// those of its name with -wal, -shm and -journal, and rename the backup to it: SQLite
// would apply a -wal that is left to the backup, and corrupt it. What is under way on a
// connection, a transaction or rows, ends on the file that it began on, and what it
// writes there is lost.
//
// # What is refused
//
// A connection for tenants does not run ATTACH, DETACH or VACUUM INTO, which
// reach other files: [ErrRefused]. Those of [Files.System] do.
//
// With a tenant in the context it does not run either what would stay on it for
// the next one:
//
//   - BEGIN, COMMIT, END and ROLLBACK as text, and SAVEPOINT outside of a
//     transaction, which begins one. Use ent's Tx and BeginTx; within, savepoints
//     are fine.
//   - PRAGMA with a value, such as foreign_keys = off. Those pass that read, or act
//     on the file alone: table_info(orders), user_version = 2. In a transaction so
//     does defer_foreign_keys, which ends with it.
//   - CREATE TEMPORARY, and what is made in the schema temp: it would hide the
//     table of its name from the next tenant.
//
// ent's migration needs those, and so a System scope, or the file itself.
//
// This is a guard against accidents: all files belong to one process, and what it
// may open is the operating system's business. Bind arguments, and never build
// SQL from input.
//
// What PRAGMA has set in a System scope stays on its connection, and so does a
// transaction that was begun there by text. Those of a file serve one tenant only;
// those of the home serve all that live there. So do last_insert_rowid(), changes()
// and total_changes(): outside of a transaction they tell what another tenant of the
// home has done. Use the LastInsertId and RowsAffected of the result, or ask in the
// transaction in which the row was inserted. A connection on which a System
// scope has made something temporary refuses tenants with [ErrRefused], and is closed
// when it is given back.
package sqlite
