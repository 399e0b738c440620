package drivers_test

import (
	"strings"
	"testing"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation"
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
				err = sql.ScanSlice(found, &notes)
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
// one database. Where they are not, the condition that asks for what hangs on those
// would span both.
func TestDeleteBesideGlobals(t *testing.T) {
	each(t, func(t *testing.T, _ cell, db *isolation.Database) {
		for _, mode := range []isolation.Mode{isolation.Plain, isolation.InTx, isolation.InDebug} {
			attack := isolation.Attack{Name: "delete own memos", Touches: []string{"accounts", "devices"}, Run: func(a *isolation.Act) {
				if err := a.Client.Memo.DeleteOneID(a.A.MemoIdle).Exec(a.A.Ctx); err != nil {
					t.Errorf("%s: %v", mode, err)
				}
			}}
			if verdict, err := db.Try(t.Context(), attack, mode); err != nil || len(verdict.Leaks) > 0 {
				t.Errorf("%s: %q, %v", mode, verdict.Leaks, err)
			}
		}
	})
}
