package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/schema"
)

// minServer is the first PostgreSQL that can keep the tenant of a row whose
// reference an ON DELETE SET NULL clears.
const minServer = 150000

// migrations is how often a migration is planned, if others migrate at once.
const migrations = 3

// MigrateOptions returns the options with which ent's automatic migration makes
// composite keys, as [DiffHook] does, and row-level security, as [Policies]
// does:
//
//	err := client.Schema.Create(ctx, postgres.MigrateOptions(driver, migrate.Tenancy)...)
//
// The driver is the client's, on a role that owns the tables. Give it a
// [Connector] with a System scope for [Config].Fallback, or any other driver of
// PostgreSQL. The tables are those of the current schema.
//
// It may run at every start, in several processes at once: one migrates at a
// time, and what is as it should be is not touched. Hooks of the migration that
// are given after these may be called again, after another process was faster.
// A table gets its policy in the transaction that makes it. An altered policy is replaced, in all tables
// in one transaction, so that no table is ever without. Policies of other names
// are left alone; [Verify] judges them.
//
// What it does, it does on driver: they are not for Schema.WriteTo, which only
// prints. Pass [DiffHook] there, and print [Policies].
func MigrateOptions(driver dialect.Driver, m schema.Metadata) []entschema.MigrateOption {
	g := guard{driver, m}
	return []entschema.MigrateOption{
		entschema.WithDiffHook(DiffHook(m)),
		entschema.WithApplyHook(g.apply),
		entschema.WithHooks(g.create),
	}
}

// guard brings the tables of a database behind row-level security.
type guard struct {
	driver dialect.Driver
	tables schema.Metadata
}

// create is the hook around a migration, which is called also when there is
// nothing to migrate.
func (g guard) create(next entschema.Creator) entschema.Creator {
	return entschema.CreateFunc(func(ctx context.Context, tables ...*entschema.Table) error {
		if err := g.supported(ctx); err != nil {
			return err
		}
		err := next.Create(ctx, tables...)
		for n := 1; n < migrations && isOutdated(err); n++ {
			err = next.Create(ctx, tables...)
		}
		if err != nil {
			return err
		}
		return g.inTx(ctx)
	})
}

// isOutdated reports that a plan may have failed because another process
// carried out its own in the meantime: something is there already, or is gone.
func isOutdated(err error) bool {
	var server interface{ SQLState() string } // as pgx and lib/pq have it
	return errors.As(err, &server) && (strings.HasPrefix(server.SQLState(), "42") || server.SQLState() == codeUniqueViolation)
}

func (g guard) supported(ctx context.Context) error {
	if name := g.driver.Dialect(); name != dialect.Postgres {
		return fmt.Errorf("postgres: MigrateOptions is for PostgreSQL, and the driver for %s", name)
	}
	version, err := queryOne[int](ctx, g.driver, "SELECT current_setting('server_version_num')::int")
	if err == nil && version < minServer {
		err = fmt.Errorf("postgres: composite keys need PostgreSQL 15 or newer, this is %d", version/10000)
	}
	return err
}

// inTx sets right what apply has not: there may have been nothing to apply.
func (g guard) inTx(ctx context.Context) error {
	tx, err := g.driver.Tx(ctx)
	if err != nil {
		return fmt.Errorf("postgres: row-level security: %w", err)
	}
	if err = lock(ctx, tx); err == nil {
		err = g.protect(ctx, tx)
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// apply is the hook around the transaction that carries out a plan.
func (g guard) apply(next entschema.Applier) entschema.Applier {
	return entschema.ApplyFunc(func(ctx context.Context, tx dialect.ExecQuerier, plan *migrate.Plan) error {
		if err := lock(ctx, tx); err != nil {
			return err
		}
		if err := g.unforce(ctx, tx, plan); err != nil {
			return err
		}
		if err := next.Apply(ctx, tx, plan); err != nil {
			return err
		}
		return g.protect(ctx, tx)
	})
}

// lock lets one transaction at a time migrate a schema.
func lock(ctx context.Context, tx dialect.ExecQuerier) error {
	return exec(ctx, tx, "SELECT pg_advisory_xact_lock(hashtextextended('tenancy:migrate:' || current_schema(), 0))")
}

// unforce lets the owner see all rows while foreign keys are added. Forced
// row-level security would hide them from the check of existing rows, and
// PostgreSQL would take a key for valid that is not.
func (g guard) unforce(ctx context.Context, tx dialect.ExecQuerier, plan *migrate.Plan) error {
	names := referring(plan)
	if len(names) == 0 {
		return nil
	}
	found, err := protected(ctx, tx)
	if err != nil {
		return err
	}
	for _, t := range g.tables.Tables {
		if state, ok := found[t.Name]; ok && state.forced && slices.Contains(names, t.Name) {
			if err := exec(ctx, tx, unforce(state.name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// referring names the tables on both sides of the foreign keys that a plan
// adds to tables that there are.
func referring(plan *migrate.Plan) []string {
	var names []string
	for _, change := range plan.Changes {
		modify, ok := change.Source.(*atlas.ModifyTable)
		if !ok {
			continue
		}
		for _, change := range modify.Changes {
			if add, ok := change.(*atlas.AddForeignKey); ok {
				names = append(names, add.F.Table.Name, add.F.RefTable.Name)
			}
		}
	}
	return names
}

// protect gives each table that is there what it lacks.
func (g guard) protect(ctx context.Context, tx dialect.ExecQuerier) error {
	found, err := protected(ctx, tx)
	if err != nil {
		return err
	}
	var statements []string
	function := ""
	for _, t := range g.tables.Tables {
		state, ok := found[t.Name]
		if !ok {
			continue // not of this migration; Verify reports a missing table
		}
		statements = append(statements, state.missing(t)...)
		if !state.trigger.holds(t) {
			function = createFunction(state.function)
		}
	}
	if function != "" {
		statements = slices.Insert(statements, 0, function)
	}
	for _, statement := range statements {
		if err := exec(ctx, tx, statement); err != nil {
			return err
		}
	}
	return nil
}
