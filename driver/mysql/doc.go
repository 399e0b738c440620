// Package mysql keeps tenants of MySQL and MariaDB apart that have a schema of
// their own, which is a database there, on the one pool of connections that all
// tenants share. It imports no client of these databases.
//
//	home := mysql.Schemas(entsql.OpenDB(dialect.MySQL, db))
//	drv, err := driver.New(home, driver.Config{})
//	client := ent.NewClient(ent.TenancyDriver(drv))
//
// # How a statement finds its schema
//
// There is no USE, and no round trip. The client names tables by
// schema.TenantTables and schema.GlobalTables, quoted and before a dot:
//
//	SELECT * FROM `tenancy_tenant`.`orders` JOIN `tenancy_global`.`countries` ...
//
// For a tenant with tenancy.IsolationSchema the first is replaced by its
// Placement.Schema, and the second is taken out: global tables are in the
// connection's own database, beside the shared ones. A schema or table that is
// missing is tenancy.ErrNotProvisioned, and never a table of the same name
// elsewhere. Arguments are not looked at.
//
// The names are replaced wherever they stand quoted and before a dot, so in a
// literal or comment too. A tenant's schema has no character that ends one.
//
// (*driver.Driver).Conn is errors.ErrUnsupported for all who live in the home, also
// in shared tables: on a connection nothing would replace the names. Use
// ExecContext, QueryContext or a transaction.
//
// # What is refused
//
//   - A text of such a tenant that names tables by neither would reach the
//     shared ones: [ErrUnqualified]. SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO
//     may pass. ent's migration does not: give it a connection to the schema.
//   - USE, for every scope, and for a schema's tenant several statements in one
//     text: [ErrRefused]. A USE would outlive its statement on a pooled connection.
//   - For every tenant, wherever it lives, what begins or ends a transaction as
//     text, since the next tenant on the connection would write into it: BEGIN,
//     START, COMMIT, ROLLBACK and XA. Use ent's Tx and BeginTx. Savepoints are fine.
//   - For every tenant, what the next one on the connection would find: SET, also
//     of user variables and of the next transaction, LOCK, UNLOCK, FLUSH, BACKUP
//     and HANDLER. MariaDB's SET STATEMENT ... FOR ends with its statement and may
//     pass, if what follows may.
//     CREATE TEMPORARY TABLE is the worst: it hides the table of its name.
//   - For every tenant, what shows the errors of the statement before, which may be
//     another tenant's and have its values: SHOW WARNINGS, SHOW ERRORS and GET DIAGNOSTICS.
//   - For every tenant, what hides statements: PREPARE and EXECUTE, MariaDB's IF, CASE
//     and loops outside of a stored program, and several executable comments
//     (/*!40101 ... */) in a text or one with a comment within, of which the server reads
//     some and skips others, by its version.
//
// A System scope may send all of these but USE, and has to clean up: the connections
// of the home are the application's own. Where it sets variables or makes temporary
// tables, give it a pool of its own, driver.Config.System. What stored programs do
// when they are called is not looked at.
//
// This is a guard against accidents. The connection's user can reach every
// tenant's schema, and SQL written by hand can name any of them, or an
// unqualified table beside a qualified one: bind arguments, and never build SQL
// from input. What holds against that is a database of its own for each tenant,
// with a user of its own. Do not set multiStatements=true in a DSN.
//
// # Names of schemas
//
// They come from the registry, and have to differ by more than case. Where the
// server has lower_case_table_names other than 0, as on Windows and macOS, Acme
// and acme are one database. Elsewhere they are two, and InnoDB does not let
// both have a foreign key of the same name: it folds the database's name in it.
//
// # Collations
//
// Ids are compared byte by byte, and MySQL compares as the tenant column's
// collation says. ent's migration makes it utf8mb4_bin. A table made by hand or by
// another tool has the server's default, which ignores case and accents: tenant
// acme would see the rows of tenant Acme. [Verify] refuses to serve such a table.
//
// # Session state
//
// Some is left: user variables that a SELECT sets, GET_LOCK and temporary tables
// that a procedure makes belong to the connection, whoever made them, and the next
// tenant on it finds them. Grant no CREATE TEMPORARY TABLES. ent's sql.WithVar sets
// variables beneath this package: do not use it. LAST_INSERT_ID(), ROW_COUNT() and
// FOUND_ROWS() are of the connection too: outside of a transaction they tell what
// another tenant has done. Use the LastInsertId and RowsAffected of the result, or
// ask in the transaction in which the row was inserted.
package mysql
