// Package lint refuses migrations that would not run in every tenant's place,
// lose data, hold a table while the application waits, or let tenants see each
// other.
//
//	findings, err := lint.Directory(os.DirFS("migrations/tenant"), lint.Config{Dialect: dialect.Postgres})
//
// A finding names the file, the line, the rule and what to do. The rules:
//
//	checksum     a file is not what atlas.sum says, or its lines end with CR LF
//	version      two files have one version
//	qualified    a name has its schema or database with it, and so the file is for that one alone
//	outside      it changes what is outside of the place: schemas, databases, roles, extensions, settings of the session
//	transaction  BEGIN, COMMIT and the like: the runner has the transaction
//	destructive  data is lost: a table or column is dropped, a type may become narrower, rows are deleted without a condition
//	locking      reads or writes wait while a table that may be large is scanned or rewritten
//	isolation    row-level security is taken away, or keeps the owner who migrates from seeing the rows; the tenant column may be NULL, or has a default
//	mark         a mark without a reason, or one that allows nothing
//
// # Marks
//
// What is meant is marked, with the reason, in a comment before the statement:
//
//	-- tenancy:allow destructive nobody reads the column since 2.4
//	ALTER TABLE "orders" DROP COLUMN "note";
//
// All rules but checksum, version, transaction and mark can be allowed so. Where a file has
// a delimiter of its own, each statement between two of them has its own mark.
//
// # What is locking
//
// Tables that the file itself makes are empty, and all is allowed on them; one
// made IF NOT EXISTS may have been there. On others, PostgreSQL wants an index
// made CONCURRENTLY, in a file that begins with "-- atlas:txmode none" and an
// empty line, without which Atlas takes it for a comment; a foreign key, CHECK or
// NOT NULL added NOT VALID, apart from its column, and validated in a later file;
// a UNIQUE constraint USING INDEX; and a column without NOT NULL, or with a
// default that is a constant, because SET NOT NULL scans the table unless the
// same file has validated a CHECK on it before. What rewrites all rows is refused.
//
// # What the owner does not see
//
// FORCE ROW LEVEL SECURITY holds the owner of a table too, who migrates it
// without a tenant: an UPDATE changes no row, INSERT … SELECT copies none, and a
// foreign key is taken for valid whatever the rows are. These need FORCE to be
// lifted, and set again in the same file:
//
//	ALTER TABLE "orders" NO FORCE ROW LEVEL SECURITY;
//	UPDATE "orders" SET "cents" = "total" * 100 WHERE "cents" IS NULL;
//	ALTER TABLE "orders" FORCE ROW LEVEL SECURITY;
//
// # Limits
//
// It reads tokens and not a grammar, and knows no database: it does not know
// whether a new type is wider, so a change of type has to be marked, except one
// to text on PostgreSQL of a column that the files made as varchar. MySQL's MODIFY and
// CHANGE state the type again: it has to be, in the same words, the one that the files
// gave the column, or be marked. Names of types
// and functions may be qualified, because extensions are in one schema for all.
// The body of a function is looked through for qualified names only, that of a DO
// block also for settings and locks of the session; what either executes as a text
// is not looked at.
package lint
