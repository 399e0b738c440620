package drivers_test

import (
	"context"
	stdsql "database/sql"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/schema"
)

// TestAttacks runs the attacks in every cell, as [isolation.Dealt] deals them:
// with CI=true every attack in every cell.
func TestAttacks(t *testing.T) {
	each(t, func(t *testing.T, c cell, db *isolation.Database) {
		for _, mode := range isolation.Modes() {
			t.Run(string(mode), func(t *testing.T) {
				isolation.Run(t, db, []isolation.Mode{mode}, isolation.Dealt(c.number, mode))
			})
		}
	})
}

// TestRawSQL runs what the client cannot stop: the database does, or does not,
// as docs/isolation.md says.
func TestRawSQL(t *testing.T) {
	each(t, func(t *testing.T, c cell, db *isolation.Database) {
		for _, leak := range isolation.KnownLeaks() {
			verdict, err := db.Try(t.Context(), leak.Attack, isolation.Plain)
			want := c.leaks != nil && c.leaks(leak.Name)
			switch leaks := len(verdict.Leaks) > 0; {
			case err != nil:
				t.Fatalf("%s: %v", leak.Name, err)
			case leaks && !want:
				t.Errorf("%s: LEAK: %q", leak.Name, verdict.Leaks)
			case !leaks && want:
				t.Errorf("%s: it leaks no more: say so in the cell and in docs/isolation.md", leak.Name)
			case len(verdict.Failures) > 0 && strings.HasSuffix(leak.Name, "Context"): // the others are about B's rows, and may fail without
				t.Errorf("%s: %q", leak.Name, verdict.Failures)
			}
		}
	})
}

// TestRawSQLByName has SQL that names another tenant's schema, which on one
// server only privileges can stop, and this package's roles have them all.
func TestRawSQLByName(t *testing.T) {
	for _, c := range []struct {
		name  string
		open  func(*testing.T) *isolation.Database
		quote string
	}{
		{"PostgreSQL/schema", postgresSchema, `"`},
		{"MariaDB/schema", mariaDBSchema, "`"},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := c.open(t)
			t.Parallel()
			read := isolation.Attack{Name: "another's schema by name", Run: func(a *isolation.Act) {
				// The mark in a comment is enough for the MySQL home, which parses no SQL.
				query := "SELECT note FROM " + c.quote + a.B.Tenant.Placement.Schema + c.quote + ".orders /* " + c.quote + schema.TenantTables + c.quote + ". */"
				found, err := a.Client.QueryContext(a.A.Ctx, query) //nolint:rowserrcheck // ScanSlice does
				a.Fine(err)
				if err != nil {
					return
				}
				defer func() { a.Fine(found.Close()) }()
				var notes []string
				err = entsql.ScanSlice(found, &notes)
				a.Got(notes, err)
			}}
			verdict, err := db.Try(t.Context(), read, isolation.Plain)
			if err != nil || len(verdict.Failures) > 0 {
				t.Fatalf("%v, %q", err, verdict.Failures)
			}
			if len(verdict.Leaks) == 0 {
				t.Error("it leaks no more: say so in docs/isolation.md")
			}
		})
	}
}

// TestDeleteBesideGlobals deletes a row that takes global ones along where all are in
// one database, and a global one that rows of tenants hang on where they share tables.
// The conditions that ask for these rows must not span databases where nothing is lost.
func TestDeleteBesideGlobals(t *testing.T) {
	each(t, func(t *testing.T, _ cell, db *isolation.Database) {
		for _, mode := range []isolation.Mode{isolation.Plain, isolation.InTx, isolation.InDebug} {
			own := db.A.Isolation == tenancy.IsolationDatabase // which cannot lock global rows
			attack := isolation.Attack{Name: "delete own memos and nobody's account", Touches: []string{"accounts", "devices"}, Run: func(a *isolation.Act) {
				if err := a.Client.Memo.DeleteOneID(a.A.MemoIdle).Exec(a.A.Ctx); err != nil {
					t.Errorf("%s: a memo: %v", mode, err)
				}
				if db.Dialect == dialect.SQLite && db.A.Isolation != tenancy.IsolationShared {
					return // global rows are read-only there
				}
				err := a.Client.Account.DeleteOneID(a.AccountIdle).Exec(a.A.Ctx)
				if spans(err) != own || err != nil && !own {
					t.Errorf("%s: an account: %v", mode, err)
				}
			}}
			if verdict, err := db.Try(t.Context(), attack, mode); err != nil || len(verdict.Leaks) > 0 {
				t.Errorf("%s: %q, %v", mode, verdict.Leaks, err)
			}
		}
	})
}

// TestDeleteOfGlobalsLooksInTheHome has a tenant with tables of its own delete a global
// row that rows of another hang on, who shares the home's.
func TestDeleteOfGlobalsLooksInTheHome(t *testing.T) {
	each(t, func(t *testing.T, _ cell, db *isolation.Database) {
		if db.B.Isolation == tenancy.IsolationShared && db.A.Isolation != tenancy.IsolationShared && db.Dialect != dialect.SQLite {
			deletesWhatHangs(t, db)
		}
	})
	t.Run("in a schema that no setting names, by the key of a partition", func(t *testing.T) {
		h := newPostgresHome(t)
		exec(t.Context(), t, open(t, "pgx", h.owner), "CREATE SCHEMA app")
		tables(t, dialect.Postgres, "pgx", within(t, h.owner, "search_path", "app"), ofHome(t), plain)
		exec(t.Context(), t, open(t, "pgx", h.owner),
			"ALTER TABLE app.memos RENAME TO memos_all",
			"CREATE TABLE app.memos (LIKE app.memos_all INCLUDING IDENTITY) PARTITION BY LIST (tenant_id)",
			"ALTER TABLE app.memos ATTACH PARTITION app.memos_all DEFAULT")
		config, err := pgx.ParseConfig(h.app)
		if err != nil {
			t.Fatal("the address does not parse")
		}
		connector, err := postgres.NewConnector(config, postgres.Config{Stdlib: []stdlib.OptionOpenDB{
			stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
				_, err := conn.Exec(ctx, "SET search_path TO app")
				return err
			}),
		}})
		if err != nil {
			t.Fatal(err)
		}
		db := attacked(t, entsql.OpenDB(dialect.Postgres, stdsql.OpenDB(connector)), driver.Config{GlobalSchema: "app"})
		db.Admin = postgresAdmin(t, h.owner, "app")
		a, b := ids()
		db.A, db.B.Tenant = h.inSchema(t, a), tenancy.Tenant{ID: b, Isolation: tenancy.IsolationShared}
		deletesWhatHangs(t, db)
		inA, inB := tenancy.NewContext(t.Context(), db.A.Tenant), tenancy.NewContext(t.Context(), db.B.Tenant)
		account := db.Client().Account.Create().SetLogin("with a memo only").SaveX(inB)
		db.Client().Memo.Create().SetText("b's").SetAccount(account).ExecX(inB)
		if err := db.Client().Account.DeleteOne(account).Exec(inA); !ent.IsNotFound(err) {
			t.Errorf("an account that a memo of B's hangs on: %v", err)
		}
	})
}

func deletesWhatHangs(t *testing.T, db *isolation.Database) {
	t.Helper()
	for _, mode := range []isolation.Mode{isolation.Plain, isolation.InTx} {
		attack := isolation.Attack{Name: "delete an account that B hangs on", Touches: []string{"accounts", "devices"}, Run: func(a *isolation.Act) {
			if err := a.Client.Account.DeleteOneID(a.AccountLent).Exec(a.A.Ctx); !ent.IsNotFound(err) {
				t.Errorf("%s: an account that rows of B's hang on: %v", mode, err)
			}
		}}
		if verdict, err := db.Try(t.Context(), attack, mode); err != nil || len(verdict.Leaks) > 0 {
			t.Errorf("%s: %q, %v", mode, verdict.Leaks, err)
		}
	}
}
