// Package migrate keeps the tables of all tenants at the version that a program
// needs: a directory of versioned migrations in the format of Atlas, applied
// to the shared tables, to each tenant's schema and to each tenant's database.
//
//	//go:embed migrations/tenant
//	var files embed.FS
//
//	sub, err := fs.Sub(files, "migrations/tenant")
//	dir, err := migrate.NewDirectory(sub, dialect.Postgres) // atlas.sum is checked here
//	runner, err := migrate.New(migrate.Config{
//		Directory: dir,
//		Home:      db, // of the role that owns the tables, by pgx' stdlib
//		Tenants: func(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
//			return registry.All(ctx, store, registry.Query{})
//		},
//		Place: drv.Place, // the driver's, so that both mean the same place
//	})
//
// A run brings every tenant up to date, goes on where tenants fail, and says
// which they are:
//
//	report, err := runner.Apply(ctx)
//	var partial *migrate.PartialError
//	if errors.As(err, &partial) {
//		for _, failure := range partial.Failures {
//			log.Print(failure.Tenant, failure.File, failure.Line, failure.Err)
//		}
//	}
//
// To resume is to run again. Config.ToVersion ends a run at a version, such as that of
// the last file which the program that is still deployed can live with. What a run would do, what there is, and which
// tenants' tables are not what the migrations made:
//
//	plan, err := runner.Plan(ctx) // statements for each group of tenants in the same state
//	for status, err := range runner.Status(ctx) { ... }
//	report, err := runner.Drift(ctx) // PostgreSQL
//
// One tenant, for who provisions it:
//
//	result, err := runner.ApplyTo(ctx, tenant)
//
// An application that refuses to serve tenants whose tables are behind it:
//
//	ready, err := runner.Requires("20260301101500") // the version that it cannot do without
//	drv, err := driver.New(home, driver.Config{Ready: ready})
//
// Tables that were there before the first migration, and a statement of which
// nobody knows whether it was executed:
//
//	report, err := runner.Baseline(ctx, "20260105120000")
//	repaired, err := runner.Repair(ctx, tenant, true) // it was
//
// # Places
//
// A tenant's place is what Config.Place says: the same function as the
// driver's. Tenants in shared tables have one place between them, the home,
// which is migrated once. Files must not name schemas: each runs where its
// tenant's tables are. Soft-deleted tenants are left alone, others are migrated
// in whatever state they are.
//
// # State
//
// What was applied is in the place itself, in the table atlas_schema_revisions
// that the Atlas CLI keeps too: either can go on where the other stopped. The
// state of all schemas of the home is read in a few queries, so that a run with
// nothing to do costs next to nothing for each tenant. Where the first tenants are
// all at one version and have something to do, those after them are not asked:
// the transaction that migrates a tenant looks for itself, and a tenant that is
// elsewhere is asked then. How the last
// Apply or Baseline ended for each tenant that it did something to, or failed for, is in
// the home's table tenancy_migrations; ApplyTo and Repair write nothing there. It is for
// people: no decision is made on it.
//
// A file that was applied and changed since is [ErrEdited], and a place with
// tables and no revisions [ErrDirty]. Both are found before anything is done to
// the tenant.
//
// A file with "-- atlas:checkpoint" at its top makes what all files before it make. Places
// that have none yet begin with the last one, and others never get it: they are as good
// without. So the place of a tenant is at its version, or at that of the file before it.
//
// # Atomicity
//
// On PostgreSQL all pending files of a tenant, and the record of them, are one
// transaction in one message to the server. On SQLite they are one transaction.
// Killed at any moment, a tenant is at the old version or at the new.
//
// A file that has ALTER .. VALIDATE CONSTRAINT is a transaction of its own on PostgreSQL,
// unless it is among the first that a place gets. It reads all rows, and in one with the
// files before it the tables that those have altered would be locked for as long. Killed in
// between, a tenant is at the version of one of the files, and the next run goes on there.
// So it is after a file that has ALTER TYPE .. ADD VALUE, with which a transaction ends:
// PostgreSQL lets nobody use the value before.
//
// The transactions of a run on PostgreSQL do not wait for the server's disk one by
// one (synchronous_commit is off in them). The run makes up for it many times a
// second, and Config.OnResult hears of a tenant, and Apply returns, when the disk has
// it. Tenants that a crash of the server may have taken back before that have failed
// with [ErrUnconfirmed]: run again. ApplyTo waits for its commit, and so do the home and
// tenants' own databases.
//
// A file that begins with "-- atlas:txmode none" is executed statement by
// statement, after the transactions of its wave and one tenant at a time,
// because what it is there for, such as CREATE INDEX CONCURRENTLY, waits for all
// other transactions in the database. MySQL and MariaDB have no transactions
// for DDL: all files are executed that way there. Before a statement the record
// says which it is, and after it that it is done; where it changes rows only,
// both are one transaction. So a run after one that was killed goes on at that
// statement. It is executed again: CREATE and ALTER .. ADD were executed before if the
// thing is there already, DROP and ALTER .. DROP if it is not. Where that does not tell,
// it is [ErrInDoubt], and Repair says which. On SQLite each statement but VACUUM, PRAGMA
// and the like is one transaction with the record of it, and not in doubt.
//
// A file that goes on does so on another connection, without the temporary tables and
// prepared statements of the one before. What it has set it sets again first: by SET, RESET,
// PRAGMA and set_config, but not what is one statement with others behind a delimiter, nor what
// outlives the connection, such as SET GLOBAL. Where what is left reads a variable of MySQL's
// whose value is not in the file, but has come from rows, a function or the clock, the tenant
// has failed and the error says what to do; and so where set_config had such a value, or where
// one SET has changed both what outlives the connection and what does not.
//
// A file that lifts FORCE ROW LEVEL SECURITY while it validates a foreign key, as those
// of package diff do, and fails there, is taken back: the tables are forced again, and
// the next run begins where it was lifted. A run that is killed leaves them lifted until
// the next one.
//
// # Locks
//
// Two runs may go on at once: each tenant is locked while it is migrated, and
// what was planned is checked under the lock. A run also keeps the Atlas CLI
// out, and waits for it, and so do ApplyTo, Baseline and Repair. On MySQL and
// MariaDB, where the CLI's lock is the server's, runs wait for each other too, and
// for an ApplyTo that is at work, but ApplyTo does not wait for a run.
//
// SQLite has no lock but a transaction. So a file that is outside of transactions is
// locked for each statement, which is executed only if the record is as the one before
// has left it: once, in order, by one run or another.
//
// On PostgreSQL, MySQL and MariaDB a statement waits Config.LockTimeout for a table, and
// is tried three times, in a transaction together with those before it; then the tenant has
// failed, and the next run tries again. So a tenant with a long transaction does not hold up
// the others, nor those who come for the table after the migration. What works
// CONCURRENTLY waits for as long as it takes.
//
// # Contexts
//
// A run needs no tenant in its context. When the context ends, the transactions, and the
// files outside of them, that were begun are finished and no other is begun. Who has come
// only a part of the way then has failed, and its result says to which version.
package migrate
