// Package postgres connects database/sql to PostgreSQL so that every statement
// acts for the tenant of its context and for no other, at the cost of no extra
// round trip.
//
//	config, err := pgx.ParseConfig(os.Getenv("DATABASE_URL"))
//	connector, err := postgres.NewConnector(config, postgres.Config{})
//	db := sql.OpenDB(connector)
//	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
//
// What it returns is an ordinary [database/sql/driver.Connector] around
// [github.com/jackc/pgx/v5/stdlib]. ent, sqlc, River and SQL written by hand
// on that *sql.DB are held alike.
//
// # How a statement runs
//
// The scope comes from the statement's context, by tenancy.ScopeFromContext.
//
//   - With a tenant, one message to the server holds
//     set_config('tenancy.tenant_id', $1, is_local => true) and then the
//     statement. Both run in the one implicit transaction that ends with the
//     message, so row-level security sees the tenant and nothing stays behind
//     on the connection. A transaction-mode pooler may stand in between.
//   - For a tenant with tenancy.IsolationSchema the same call sets search_path
//     to its Placement.Schema, and to nothing else: a table that is missing
//     there is tenancy.ErrNotProvisioned, and never a table of the same name in public.
//   - In a System scope the statement takes stdlib's way, without settings, on
//     the same connections and with the same database role. Row-level security
//     therefore shows it no rows; what has to see all of them needs a connector
//     with a role of its own. [Config].RefuseSystem keeps it off this one.
//   - Without either nothing is sent, and the error is tenancy.ErrNoTenant.
//
// The first use of a statement on a connection takes two round trips, as with
// pgx: it is prepared, then run. From then on it is one.
//
// # Transactions
//
// BeginTx pins the scope of its context. A statement under another scope fails
// with tenancy.ErrCrossTenant, one under none with tenancy.ErrNoTenant; the
// transaction goes on as if it had not been tried. Note that the methods of
// *sql.Tx without a context (Exec, Query) have no tenant.
//
// BEGIN is not sent until the first statement, and then together with it, so
// three statements take four round trips where stdlib takes five. What follows
// from that: now() is the time of the first statement, and an error of BEGIN
// shows there. [Config].EagerBegin sends it at once, with the settings, in the
// round trip that it takes anyway.
//
// # What is refused
//
// Some SQL would take a connection out of its tenant's hands. With a tenant in
// the context it is refused before it is sent, with [ErrRefused]:
//
//   - BEGIN, COMMIT and the like as text: what comes after a COMMIT in the
//     same text would run without the tenant. Savepoints are fine.
//   - SET and RESET without LOCAL, which outlive the statement on a pooled
//     connection. ent's sql.WithVar does this. SET LOCAL in a transaction is fine.
//   - COPY, which breaks a pipeline: see [Raw].
//   - CALL and DO with arguments or as a query, outside a transaction: a COMMIT
//     within a procedure would end the tenant's setting. As an Exec without
//     arguments, or in a transaction, PostgreSQL refuses that COMMIT.
//
// VACUUM, CREATE DATABASE and CREATE INDEX CONCURRENTLY cannot share a message
// with anything. The server refuses them with [ErrNeedsSystem].
//
// This is a guard against accidents. SQL from an attacker can call set_config
// like anybody: bind arguments, and never build SQL from input.
//
// # Values
//
// What database/sql gets is what stdlib gives it: the types that a
// [database/sql/driver.Value] can hold, and the text of all others. Scan an
// array through the SQLScanner of a pgtype.Map, also where Go 1.27 and stdlib
// alone could do without.
//
// # Session state
//
// LISTEN, session-level advisory locks and temporary tables belong to the
// connection, whoever made them, and the next tenant on it finds them. Use
// pg_advisory_xact_lock, and ON COMMIT DROP within a transaction.
//
// # Migrating tenants one by one
//
// Schemas of different versions may give one SQL text different types, and a
// prepared statement is good for one of them. [Config].SchemaVersion gives each
// version its statements. Without it the driver recovers, at the price of a
// failed round trip: it repeats the statement once, unprepared. That is not
// possible in the middle of a transaction, whose caller has to repeat it all.
//
// ent's automatic migration, for one, needs a connector with [Config].Fallback,
// in a System scope for shared tables or as the tenant whose schema it makes.
//
// # PgBouncer
//
// Transaction mode is supported, from 1.21 on with prepared statements
// (max_prepared_statements > 0). Older ones, and those where that is off, need
// [Config].Unnamed. Where it is missing, the connector notices that its
// statements get lost and goes on without them; until it does, a statement is
// repeated, and one in the middle of a transaction fails.
//
// # Reaching pgx
//
// [Raw] lends the *pgx.Conn of an *sql.Conn inside the tenant's transaction,
// for COPY, batches and large objects. (*sql.Conn).Raw itself yields a value
// with the method Conn() *pgx.Conn. What is done there outside a transaction
// has no tenant. A [pgx.QueryTracer] in the pgx configuration sees the
// statements of either way.
package postgres
