package postgres_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	atlasmigrate "ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/driver/postgres"
)

// planned counts the statements of ent's own plans, and what else is executed.
type planned struct{ statements []string }

func (p *planned) option() entschema.MigrateOption {
	return entschema.WithApplyHook(func(next entschema.Applier) entschema.Applier {
		return entschema.ApplyFunc(func(ctx context.Context, tx dialect.ExecQuerier, plan *atlasmigrate.Plan) error {
			for _, change := range plan.Changes {
				p.statements = append(p.statements, change.Cmd)
			}
			return next.Apply(ctx, tx, plan)
		})
	})
}

func TestMigrationIsIdempotent(t *testing.T) {
	t.Parallel()
	for name, app := range map[string]application{"text": isolationApp, "typed": typedApp} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t, app)
			before := g.security(t)
			var again planned
			must(t, g.migrate(t, again.option()))
			must(t, g.migrate(t, again.option()))
			if len(again.statements) != 0 {
				t.Errorf("planned again: %q", again.statements)
			}
			if after := g.security(t); after != before {
				t.Errorf("touched again what was right:\n%s\n%s", before, after)
			}
			g.verifies(t)
		})
	}
}

// security is the state of all policies, with the transaction that made each.
func (g *guarded) security(tb testing.TB) string {
	tb.Helper()
	db := openURL(tb, g.asAdmin(tb), postgres.Config{})
	return one[string](system(tb), tb, db, `
		SELECT string_agg(concat_ws(' ', c.relname, c.relrowsecurity, c.relforcerowsecurity, p.polname, p.oid, p.xmin, c.xmin), E'\n' ORDER BY c.relname)
		FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid`)
}

func (g *guarded) verifies(tb testing.TB) {
	tb.Helper()
	if _, err := postgres.Verify(tb.Context(), g.serve(tb), g.tenancy, postgres.VerifyConfig{}); err != nil {
		tb.Error(err)
	}
}

// TestMigrationRepairsAlteredPolicies has each table's policy altered in another way.
func TestMigrationRepairsAlteredPolicies(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.owner,
		"ALTER POLICY tenant_isolation ON orders USING (true)",
		"ALTER POLICY tenant_isolation ON users WITH CHECK (true)",
		"ALTER POLICY tenant_isolation ON items TO "+role(t, g.owner),
		"DROP POLICY tenant_isolation ON teams",
		"DROP POLICY tenant_isolation ON clubs", "CREATE POLICY tenant_isolation ON clubs FOR SELECT USING (true)",
		"ALTER TABLE groups DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE user_groups NO FORCE ROW LEVEL SECURITY",
		"DROP POLICY tenant_isolation ON memos",
		"CREATE POLICY tenant_isolation ON memos AS RESTRICTIVE USING (tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))",
		"DROP TRIGGER tenant_isolation ON user_groups", "ALTER TABLE groups DISABLE TRIGGER tenant_isolation",
		"CREATE OR REPLACE FUNCTION tenant_isolation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
		"ALTER POLICY tenant_isolation ON visits USING (tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant', true), '')))",
	)
	must(t, g.migrate(t))
	g.verifies(t)
}

// TestRepairIsAtomic fails the repair of one table and looks at the others.
func TestRepairIsAtomic(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.owner, "ALTER POLICY tenant_isolation ON items USING (true)")
	run(t, g.asAdmin(t), "ALTER POLICY tenant_isolation ON visits USING (true)", "ALTER TABLE visits OWNER TO "+role(t, g.system))
	before := g.security(t)
	if err := g.migrate(t); err == nil {
		t.Fatal("a table of another role's is repaired")
	}
	if after := g.security(t); after != before {
		t.Errorf("half of a repair is left:\n%s\n%s", before, after)
	}
}

// TestTableIsNeverWithoutPolicy looks at the tables when the transaction that
// makes them commits, before anything else runs.
func TestTableIsNeverWithoutPolicy(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	driver := g.migrator(t, g.owner)
	stop := fmt.Errorf("stop here")
	options := postgres.MigrateOptions(driver, g.tenancy)
	options = append(options, entschema.WithHooks(func(next entschema.Creator) entschema.Creator {
		return entschema.CreateFunc(func(ctx context.Context, tables ...*entschema.Table) error {
			must(t, next.Create(ctx, tables...))
			return stop
		})
	}))
	wantErr(t, create(t, driver, g.copied(t), options...), stop)
	g.verifies(t)
}

func TestProcessesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	const processes = 4
	start := func() {
		t.Helper()
		errs := make([]error, processes)
		var plans, all sync.WaitGroup
		plans.Add(processes)
		for i := range processes {
			all.Go(func() {
				var once sync.Once
				arrive := func() { once.Do(plans.Done) }
				defer arrive()
				errs[i] = g.migrate(t, entschema.WithDiffHook(func(next entschema.Differ) entschema.Differ {
					return entschema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
						changes, err := next.Diff(current, desired)
						arrive()
						plans.Wait() // all plan before the first one applies
						return changes, err
					})
				}))
			})
		}
		all.Wait()
		for _, err := range errs {
			must(t, err)
		}
	}
	start()
	g.verifies(t)
	run(t, g.owner, "ALTER POLICY tenant_isolation ON orders USING (true)", "ALTER TABLE orders DROP CONSTRAINT orders_users_orders")
	start()
	g.verifies(t)
}

// TestMigrationsTakeTurns holds up one that has a plan, and one that has none.
func TestMigrationsTakeTurns(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	other := openURL(t, g.owner, postgres.Config{})
	impatient := g.migrator(t, g.owner+"&lock_timeout=1ms")
	for turn, tables := range []int{0, len(g.tables)} { // with a plan, and without one
		tx, err := other.BeginTx(system(t), nil)
		must(t, err)
		_, err = tx.ExecContext(system(t), "SELECT pg_advisory_xact_lock(hashtextextended('tenancy:migrate:public', 0))")
		must(t, err)
		err = create(t, impatient, g.copied(t), postgres.MigrateOptions(impatient, g.tenancy)...)
		wantCode(t, err, "55P03")
		if n := one[int](system(t), t, tx, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"); n != tables {
			t.Errorf("turn %d: %d tables, want %d: migrated while another process does", turn, n, tables)
		}
		must(t, tx.Rollback())
		must(t, g.migrate(t))
	}
	g.verifies(t)
}

func TestMigrationInSchemaOfSearchPath(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	run(t, g.owner, `CREATE SCHEMA "Ho""use"`, "CREATE TABLE public.orders (id int)", `ALTER DATABASE `+database(t, g.owner)+` SET search_path = "Ho""use", public`)
	must(t, g.migrate(t))
	must(t, g.migrate(t))
	g.verifies(t)
	hints, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{Schema: `Ho"use`})
	must(t, err)
	for _, hint := range hints {
		if hint.Table != "" && !strings.HasPrefix(hint.Table, `"Ho""use".`) {
			t.Errorf("a hint about %s", hint.Table)
		}
	}
	if _, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{Schema: "public"}); err == nil {
		t.Error("the tables are not in public")
	}
}

func database(tb testing.TB, address string) string {
	tb.Helper()
	return quoted(one[string](system(tb), tb, openURL(tb, address, postgres.Config{}), "SELECT current_database()"))
}

func TestMigrateOptionsAreForPostgreSQL(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	driver := otherDialect{g.migrator(t, g.owner)}
	err := create(t, g.migrator(t, g.owner), g.copied(t), postgres.MigrateOptions(driver, g.tenancy)...)
	if err == nil || !strings.Contains(err.Error(), "sqlite3") {
		t.Errorf("with a driver of SQLite: %v", err)
	}
}

type otherDialect struct{ dialect.Driver }

func (otherDialect) Dialect() string { return dialect.SQLite }
