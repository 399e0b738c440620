package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// outcomesTable keeps how the last run ended for each tenant that it did something to. ApplyTo
// is not a run: the places that it makes may be nobody's yet.
const outcomesTable = "tenancy_migrations"

// outcomesAtOnce is how many outcomes one statement writes.
const outcomesAtOnce = 100

func outcomeColumns() []string {
	return []string{"tenant_id", "directory", "version", "outcome", "error", "statement", "tried_at"}
}

// outcomes writes the home's table of outcomes, while the run goes on. What a run
// that is killed has not written is lost, and nothing depends on it.
type outcomes struct {
	*Runner

	table   string
	failed  map[tenancy.ID]bool // as the table says
	waiting []Result
	writing errgroup.Group // one at a time, so that a tenant's last outcome is what stays
}

// openOutcomes reads who failed the last time.
func (r *Runner) openOutcomes(ctx context.Context) (*outcomes, error) {
	o := &outcomes{Runner: r, table: r.outcomesTable(), failed: map[tenancy.ID]bool{}}
	o.writing.SetLimit(1)
	return o, r.inOutcomes(ctx, func() error { return o.read(ctx) })
}

func (r *Runner) outcomesTable() string { return r.engine.name(r.config.HomeSchema, outcomesTable) }

// inOutcomes does something with the table, and makes it where it is missing.
func (r *Runner) inOutcomes(ctx context.Context, do func() error) error {
	if do() == nil {
		return nil
	}
	moment, options := "datetime", ""
	switch r.dialect() {
	case dialect.Postgres:
		moment = "timestamptz"
	case dialect.MySQL:
		options = " CHARSET utf8mb4 COLLATE utf8mb4_bin"
	}
	create := fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (tenant_id varchar(255) NOT NULL PRIMARY KEY, directory varchar(64) NOT NULL, "+
		"version varchar(255) NOT NULL, outcome varchar(16) NOT NULL, error text NOT NULL, statement text NOT NULL, tried_at %s NOT NULL)%s",
		r.outcomesTable(), moment, options)
	_, err := r.config.Home.ExecContext(ctx, create)
	if again := do(); again != nil { // another run may have made it at the same time
		return fmt.Errorf("migrate: the table %s: %w", outcomesTable, errors.Join(pgerror.WithoutConfig(err), pgerror.WithoutConfig(again)))
	}
	return nil
}

func (o *outcomes) read(ctx context.Context) (err error) {
	query := "SELECT tenant_id FROM " + o.table + " WHERE outcome = '" + string(Failed) + "'" //nolint:gosec // both are this package's
	rows, err := o.config.Home.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id tenancy.ID
		if err := rows.Scan(&id); err != nil {
			return err
		}
		o.failed[id] = true
	}
	return rows.Err()
}

// add keeps a result. A tenant with nothing to do is written only if it failed before.
func (o *outcomes) add(ctx context.Context, result Result) {
	if result.Outcome == Unchanged && !o.failed[result.Tenant.ID] {
		return
	}
	// One statement must not write a row twice.
	o.waiting = slices.DeleteFunc(o.waiting, func(r Result) bool { return r.Tenant.ID == result.Tenant.ID })
	o.waiting = append(o.waiting, result)
	if len(o.waiting) == outcomesAtOnce {
		o.flush(ctx)
	}
}

// flush begins to write what is waiting.
func (o *outcomes) flush(ctx context.Context) {
	results := o.waiting
	o.waiting = nil
	if len(results) == 0 {
		return
	}
	o.writing.Go(func() error {
		if err := o.write(ctx, results); err != nil {
			o.config.Logger.WarnContext(ctx, "migrate: the outcomes could not be kept", "error", pgerror.WithoutConfig(err))
		}
		return nil
	})
}

// close returns when all is written.
func (o *outcomes) close(ctx context.Context) {
	o.flush(ctx)
	_ = o.writing.Wait() // which has logged what failed
}

func (o *outcomes) write(ctx context.Context, results []Result) error {
	var args []any
	for _, result := range results {
		directory, failure := o.config.Directory.Sum(), ""
		if result.Tenant.ID == "" {
			directory = o.home().directory.Sum()
		}
		if result.Err != nil {
			failure = result.Err.Error()
		}
		args = append(args, string(result.Tenant.ID), directory, result.To, string(result.Outcome), failure, result.Statement, o.engine.now())
	}
	_, err := o.config.Home.ExecContext(ctx, o.engine.upsert(o.table, outcomeColumns(), len(results)), args...)
	return err
}

// Forget removes what the table of outcomes has of a tenant that is erased. It
// needs no tenant in ctx.
func (r *Runner) Forget(ctx context.Context, id tenancy.ID) error {
	parameter := "?"
	if r.dialect() == dialect.Postgres {
		parameter = "$1"
	}
	forget := "DELETE FROM " + r.outcomesTable() + " WHERE tenant_id = " + parameter //nolint:gosec // both are this package's
	return r.inOutcomes(ctx, func() error {
		_, err := r.config.Home.ExecContext(ctx, forget, string(id))
		return err
	})
}
