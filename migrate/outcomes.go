package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// outcomesTable keeps the outcome of the last attempt at each tenant.
const outcomesTable = "tenancy_migrations"

// outcomesAtOnce is how many outcomes one statement writes.
const outcomesAtOnce = 100

func outcomeColumns() []string {
	return []string{"tenant_id", "directory", "version", "outcome", "error", "statement", "tried_at"}
}

// outcomes writes the home's table of outcomes. What a run that is killed has
// not written is lost, and nothing depends on it. The caller holds a lock.
type outcomes struct {
	*Runner

	table   string
	failed  map[tenancy.ID]bool // as the table says
	waiting []Result
}

// openOutcomes makes the table where it is missing, and reads who failed the last time.
func (r *Runner) openOutcomes(ctx context.Context) (*outcomes, error) {
	o := &outcomes{Runner: r, table: r.engine.name(r.config.HomeSchema, outcomesTable), failed: map[tenancy.ID]bool{}}
	if err := o.read(ctx); err == nil {
		return o, nil
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
		o.table, moment, options)
	_, err := r.config.Home.ExecContext(ctx, create)
	if again := o.read(ctx); again != nil { // another run may have made it at the same time
		return nil, fmt.Errorf("migrate: the table %s: %w", outcomesTable, errors.Join(err, again))
	}
	return o, nil
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
	if len(o.waiting) < outcomesAtOnce {
		return
	}
	if err := o.flush(ctx); err != nil {
		o.config.Logger.WarnContext(ctx, "migrate: the outcomes could not be kept", "error", err)
	}
}

func (o *outcomes) flush(ctx context.Context) error {
	if len(o.waiting) == 0 {
		return nil
	}
	var args []any
	for _, result := range o.waiting {
		directory, failure := o.config.Directory.Sum(), ""
		if result.Tenant.ID == "" {
			directory = o.home().directory.Sum()
		}
		if result.Err != nil {
			failure = result.Err.Error()
		}
		args = append(args, string(result.Tenant.ID), directory, result.To, string(result.Outcome), failure, result.Statement, o.engine.now())
	}
	rows := len(o.waiting)
	o.waiting = nil
	_, err := o.config.Home.ExecContext(ctx, o.engine.upsert(o.table, outcomeColumns(), rows), args...)
	return err
}

// Forget removes what the table of outcomes has of a tenant that is erased. It
// needs no tenant in ctx.
func (r *Runner) Forget(ctx context.Context, id tenancy.ID) error {
	o, err := r.openOutcomes(ctx)
	if err != nil {
		return err
	}
	parameter := "?"
	if r.dialect() == dialect.Postgres {
		parameter = "$1"
	}
	forget := "DELETE FROM " + o.table + " WHERE tenant_id = " + parameter //nolint:gosec // both are this package's
	if _, err := r.config.Home.ExecContext(ctx, forget, string(id)); err != nil {
		return fmt.Errorf("migrate: forgetting %s: %w", id, err)
	}
	return nil
}
