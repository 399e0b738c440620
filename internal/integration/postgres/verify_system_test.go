package postgres_test

import (
	"database/sql"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestVerifySystem has every role that somebody may take for one of System scopes, and
// compares what is said of it with what it is shown.
func TestVerifySystem(t *testing.T) {
	t.Parallel()
	right := newBare(t, isolationApp)
	t.Run("migrate", func(t *testing.T) { // and disconnect, so that it can be copied
		must(t, right.migrate(t))
		rowsOfTwo(t, right)
	})
	shows := func(t *testing.T, db *sql.DB) bool {
		t.Helper()
		return one[int](system(t), t, db, "SELECT count(*) FROM orders") > 0
	}
	for name, of := range map[string]struct {
		role func(*guarded) string
		sql  []string
		want string // part of the error
	}{
		"system":                    {role: func(g *guarded) string { return g.system }},
		"administrator":             {role: func(g *guarded) string { return g.owner }, sql: nil, want: "BYPASSRLS"},
		"app":                       {role: func(g *guarded) string { return g.app }, want: "BYPASSRLS"},
		"app with policies":         {role: func(g *guarded) string { return g.app }, sql: []string{"CREATE POLICY everything ON {table} TO {app} USING (true)"}},
		"app that only may write":   {role: func(g *guarded) string { return g.app }, sql: []string{"CREATE POLICY everything ON {table} FOR INSERT TO {app} WITH CHECK (true)"}, want: "BYPASSRLS"},
		"app that is another's":     {role: func(g *guarded) string { return g.app }, sql: []string{"CREATE POLICY everything ON {table} TO {system} USING (true)"}, want: "BYPASSRLS"},
		"owner who is not held":     {role: func(g *guarded) string { return g.owner }, sql: []string{"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"}},
		"tables that are not held":  {role: func(g *guarded) string { return g.app }, sql: []string{"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"}},
		"a table of many that hold": {role: func(g *guarded) string { return g.owner }, sql: []string{"ALTER TABLE memos NO FORCE ROW LEVEL SECURITY"}, want: "public.orders"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := right.copy(t)
			for _, statement := range of.sql {
				for _, table := range g.tenancy.Tables {
					run(t, g.owner, strings.ReplaceAll(g.fill(t, statement), "{table}", quoted(table.Name)))
				}
			}
			db := openURL(t, of.role(g), postgres.Config{})
			hints, err := postgres.VerifySystem(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
			if len(hints) > 0 {
				t.Errorf("hints: %v", hints)
			}
			if of.want == "" {
				must(t, err)
			} else if wantErr(t, err, postgres.ErrUnsafe); err != nil && !strings.Contains(err.Error(), of.want) {
				t.Errorf("%v does not say %s", err, of.want)
			}
			if name != "a table of many that hold" && shows(t, db) != (of.want == "") {
				t.Errorf("it is not what it is: %v", err)
			}
		})
	}
}

// TestVerifySystemHintsAtGrants has a role that was forgotten when tables were granted.
func TestVerifySystemHintsAtGrants(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.owner, g.fill(t, "REVOKE ALL ON memos FROM {system}"), g.fill(t, "REVOKE USAGE ON SCHEMA public FROM PUBLIC, {system}"))
	db := openURL(t, g.system, postgres.Config{})
	hints, err := postgres.VerifySystem(t.Context(), db, g.tenancy, postgres.VerifyConfig{Schema: "public"})
	must(t, err)
	if len(hints) != len(g.tenancy.Tables) {
		t.Errorf("%d hints of %d tables", len(hints), len(g.tenancy.Tables))
	}
	for _, hint := range hints {
		_, statements, _ := strings.Cut(hint.Message, "fail: ")
		run(t, g.owner, statements)
	}
	hints, err = postgres.VerifySystem(t.Context(), db, g.tenancy, postgres.VerifyConfig{Schema: "public"})
	must(t, err)
	if len(hints) > 0 {
		t.Errorf("still: %v", hints)
	}
	if _, err := db.QueryContext(system(t), "SELECT 1 FROM memos"); err != nil { //nolint:rowserrcheck,sqlclosecheck // that it is allowed is the point
		t.Error(err)
	}
}
