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
//   - A tenant with tenancy.IsolationDatabase has no table here, but for global
//     entities, by their qualified names: its search_path is pg_catalog. Its own
//     database is opened by [Databases].
//   - In a System scope the statement takes stdlib's way, without settings, on
//     the same connections and with the same database role. Row-level security
//     therefore shows it no rows; what has to see all of them needs a connector
//     with a role of its own. [Config].RefuseSystem keeps it off this one.
//   - Without either nothing is sent, and the error is tenancy.ErrNoTenant.
//
// The first use of a statement on a connection takes two round trips, as with
// pgx: it is prepared, then run. From then on it is one.
//
// Schemas share a prepared statement at first, which the server has to analyse
// and plan anew whenever another schema uses it. Once a schema has run a text
// twice outside of a transaction on a connection, it has a statement of its own
// there, and the server keeps its plan: see [Config].SchemaStatements for what
// that is worth, and what it takes. A text whose parameters or columns have types
// that schemas have of their own, such as an enum made in each, is never shared.
// The server does not tell the domains of columns: the connector knows of them after
// the first failure, which in the middle of a transaction is its caller's (0A000).
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
//     connection, UPDATE of pg_settings, and set_config whose third argument is not
//     the word true; ALTER ROLE and DATABASE. ent's sql.WithVar does this. SET
//     LOCAL in a transaction is fine, but not of tenancy.tenant_id, nor of
//     search_path where the tenant has a schema, by set_config neither: a
//     transaction has one tenant. So a set_config whose first argument is not a
//     plain literal, but is bound or put together, is refused. So is a search_path
//     in which the next CREATE TABLE would make a temporary one, since pg_temp is
//     not behind pg_catalog in it, or the list is no plain literal: other schemas
//     may be missing, or closed to the role, and are passed over then.
//   - Names of the form U&"...", which may be any of these.
//   - COPY, which breaks a pipeline: see [Raw].
//   - Temporary tables and views, LISTEN, and cursors WITH HOLD, which are there
//     for the next tenant on the connection. CREATE TEMPORARY TABLE ... ON COMMIT
//     DROP in a transaction is fine. PREPARE and EXECUTE as text, whose statements
//     the next tenant could read. DEALLOCATE and DISCARD, which take those of all.
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
// # Row-level security
//
// Three roles share the work:
//
//	CREATE ROLE shop_owner  LOGIN;            -- owns the tables, migrates
//	CREATE ROLE shop        LOGIN;            -- serves requests: owns and bypasses nothing
//	CREATE ROLE shop_system LOGIN BYPASSRLS;  -- sees all tenants: reports, support, deletion
//
//	SET ROLE shop_owner;
//	ALTER DEFAULT PRIVILEGES GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop, shop_system;
//	ALTER DEFAULT PRIVILEGES GRANT USAGE, SELECT ON SEQUENCES TO shop, shop_system;
//
//	REVOKE TEMPORARY ON DATABASE shop FROM PUBLIC; -- or a tenant's may outlive it
//
// Such defaults give away every table that the owner makes from then on, the registry's
// too, which have no policies: SQL of any tenant could read the records of all and empty
// the audit. Where the registry is kept in the same database, take them back from who
// serves, by [RevokeRegistry] after its Init. The Manager does, and [Verify] refuses
// what is left. Grants for each table, as package migrate/diff writes them for
// Config.Roles, give nothing away: name both roles there, shop and shop_system.
//
// Each has a pool of its own. The owner's has [Config].Fallback and migrates
// with [MigrateOptions], or with files that [DiffHook] and [Formatter] have
// written. The one that serves has [Config].RefuseSystem and is checked by
// [Verify] before it does. A System scope belongs on the third, which [VerifySystem]
// checks: on the others row-level security shows it nothing. Do not make one role a
// member of another, and do not GRANT ALL, which includes TRUNCATE.
//
// A policy holds whatever SQL is run. What no policy sees, because PostgreSQL
// checks references, and cascades, past row-level security, two others hold: a
// composite foreign key between rows of tenants, and a trigger where a tenant
// deletes a global row on which another's rows hang. What none of them holds is
// SQL that changes the setting, a function that is SECURITY DEFINER, a view,
// materialized view or rule of somebody whom they do not hold, a foreign table, and a
// unique index over all tenants, which tells one that a value is taken. [Verify] fails
// for views and rules and hints at functions and indexes. So what all tenants are
// meant to see is for a table of its own, or for such a function to give out.
//
// The type of a tenant column can be changed only after its policy and trigger
// are dropped; the next migration makes them again.
//
// The tenant column has no default. ent names the tenant in every row it
// writes, of join tables too; SQL by hand that forgets it fails, which is better
// than a row of whichever tenant the connection is set to. Before rows get a
// tenant column, say whose they are: ALTER TABLE orders ADD tenant_id varchar
// NOT NULL DEFAULT 'acme', in join tables as well.
//
// Under row-level security PostgreSQL uses an index only for operators that are
// leakproof: comparisons of integers, text, uuid, bytea, dates, times, booleans
// and floats. A condition with LIKE, or one on numeric, jsonb, an enum, an array
// or lower(name) filters the rows that the tenant column's index finds, all of
// the tenant's. Where that is too many, compare leakproof values: an amount in
// cents as bigint, a state as text, a lower-case copy of the name in a generated
// column, a range of text (name >= 'ab' AND name < 'ac' in a "C" collation) for
// a prefix. The hints of [Verify] name such indexes, and those that do not lead
// with the tenant column.
//
// # Session state
//
// A System scope may send all of that. What it leaves on a connection of what is
// listed above, such as a SET, a LISTEN or a temporary table, is there for as long
// as it holds the connection, by an *sql.Conn or a transaction. The connection is
// closed when it is given back, so that no tenant finds it: a SET on the *sql.DB
// itself is over with its statement. Until then a tenant's statement on it is
// refused with [ErrRefused]. What is done through [Raw] is not looked at.
//
// lastval(), currval() and pg_prepared_statements tell of whoever was on the
// connection before, and so do settings that functions make by themselves, such as
// setseed() and pg_trgm's set_limit(). pg_stat_activity has the text of each
// session's last statement for all of the same role: bind what is not to be read
// there. Large objects belong to nobody: row-level security knows none.
//
// Session-level advisory locks belong to the connection, and so does what a
// function or a DO block makes: a temporary table in there hides the table of its
// name from the next tenant, whose rows the first one then reads. Use
// pg_advisory_xact_lock, ON COMMIT DROP in functions too, and take the right away
// as above.
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
