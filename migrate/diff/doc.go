// Package diff makes versioned migrations for an ent project with tenants. It
// writes files in Atlas' format, with their atlas.sum, that hold beside ent's
// own DDL what keeps tenants apart in the database.
//
// A project calls it from a program of its own, ent/migrate/main.go, which has
// the build constraint "ignore" and is run by hand:
//
//	go run ./ent/migrate/main.go add_orders
//
//	written, err := diff.Named(ctx, diff.Config{
//		Dir:     "migrations",
//		Dialect: dialect.Postgres,
//		Dev:     dev, // a *sql.DB to try things in
//		Tables:  migrate.Tables,
//		Tenancy: migrate.Tenancy,
//		Roles:   []string{"shop"},
//	}, os.Args[1])
//
// # Two directories
//
// Named writes to two directories below Config.Dir, for the two kinds of places
// that there are. A place is migrated by one of them:
//
//	migrations/tenant   a tenant's own schema or database: the tables that hold rows of tenants
//	migrations/shared   the home: the same tables, for tenants that share them, and those of global entities
//
// In a tenant's place the global tables may be in another database, so there
// are no foreign keys to them there; see driver.SplitTables. What is edited by
// hand in one directory mostly belongs into the other too. The tables of the
// registry are migrated by the registry.
//
// # What the files hold
//
//   - Foreign keys between rows of tenants that include the tenant,
//     (tenant_id, order_id) to (tenant_id, id), and the unique key that they need.
//     On MySQL and SQLite a key with ON DELETE SET NULL keeps its one column,
//     because these databases would clear the tenant along with it; the key that
//     is to hold there has another action.
//   - On PostgreSQL row-level security: enabled, forced, with a policy for
//     reading and writing and a trigger against cascades, as package
//     driver/postgres has them. What was altered or taken away is written again.
//   - On PostgreSQL the grants of Config.Roles.
//
// Tables are never dropped, because ent does not say that an entity is gone:
// write that by hand. Columns and indexes are. Package lint refuses what is
// dangerous, and what would not run in every place.
//
// [Checkpoint] writes a file that makes all that the files so far make, with which new
// places begin.
//
// # The dev database
//
// The files are replayed into an empty place, and compared there with the place
// that ent's schema gives. On PostgreSQL and MySQL the place is a schema with a
// random name, tenancy_dev_..., which is dropped in any case but one: a process
// that is killed leaves it behind. The user needs the right to make one, and no
// others; on PostgreSQL that is CREATE on the database. On SQLite it is the
// database itself, which has to be empty and may be in memory.
//
// Grants are not replayed, so the roles need not be there.
package diff
