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
// # What is refused
//
//   - A text of such a tenant that names tables by neither would reach the
//     shared ones: [ErrUnqualified]. SAVEPOINT, RELEASE SAVEPOINT and ROLLBACK TO
//     may pass. ent's migration does not: give it a connection to the schema.
//   - USE, for every scope, and for a schema's tenant several statements in one
//     text: [ErrRefused]. A USE would outlive its statement on a pooled connection.
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
// # Session state
//
// User variables, GET_LOCK and temporary tables belong to the connection,
// whoever made them, and the next tenant on it finds them.
package mysql
