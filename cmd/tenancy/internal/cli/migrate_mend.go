package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/migrate"
)

func (t *tool) baselineCommand() *cobra.Command {
	var tuning migrate.Config
	cmd := &cobra.Command{
		Use:   "baseline VERSION",
		Short: "Record that tables which were there before stand for all migrations up to a version",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: t.onApp(func(ctx context.Context, a *app.App, args []string) error {
			tuning.OnResult = func(r migrate.Result) {
				if t.json || r.Outcome != migrate.Unchanged {
					_ = t.print.Emit("result", t.resultOf(r), t.line(r)) // a reader that is gone does not stop the run
				}
			}
			r, err := a.Runner(tuning)
			if err != nil {
				return usage(err)
			}
			if t.dryRun {
				return t.unrecorded(ctx, r, args[0])
			}
			report, err := r.Baseline(ctx, args[0])
			if err != nil && report == (migrate.Report{}) {
				return err
			}
			return errors.Join(t.showReport(report), err)
		}),
	}
	tune(cmd.Flags(), &tuning)
	return t.writes(cmd)
}

// unrecorded shows where a baseline would be recorded, and where it would fail.
func (t *tool) unrecorded(ctx context.Context, r *migrate.Runner, version string) error {
	results, err := r.BaselinePlan(ctx, version)
	if err != nil {
		return err
	}
	slices.SortFunc(results, func(a, b migrate.Result) int { return byName(a.Tenant, b.Tenant) })
	dirty := 0
	for _, result := range results {
		text := t.line(result)
		if result.Outcome == migrate.Applied {
			dirty++
			text, result.Err = "would be recorded for "+tenantName(result.Tenant), migrate.ErrDirty
		}
		shown := state{who: whoIs(result.Tenant), Error: t.redact(result.Err.Error()), Code: errorCode(result.Err)}
		if err := t.print.Emit("status", shown, text); err != nil {
			return err
		}
	}
	if err := t.print.Emit("report", map[string]any{"dirty": dirty}, fmt.Sprintf("%d have tables and no record of migrations", dirty)); err != nil {
		return err
	}
	if failed := len(results) - dirty; failed > 0 {
		return partial(fmt.Errorf("a baseline would fail for %d", failed))
	}
	return nil
}

func (t *tool) repairCommand() *cobra.Command {
	var tuning migrate.Config
	var id string
	var home, done, not bool
	cmd := &cobra.Command{
		Use:   "repair [IDENTIFIER] --done | --not-done",
		Short: "Say whether a statement of which nobody knows was executed",
		Long: "A run that was killed where the database has no transactions for DDL may leave a\n" +
			"statement of which nobody knows whether it was executed. Look, and say so.",
		Args: usageArgs(cobra.MaximumNArgs(1)),
		PreRunE: func(*cobra.Command, []string) error {
			if done == not {
				return usage(errors.New("was the statement executed? Say --done or --not-done"))
			}
			return nil
		},
		RunE: t.onApp(func(ctx context.Context, a *app.App, args []string) error {
			tenant, err := t.toRepair(ctx, a, home, id, args)
			if err != nil {
				return err
			}
			r, err := a.Runner(tuning)
			if err != nil {
				return usage(err)
			}
			if t.dryRun {
				return t.unrepaired(ctx, a, tenant)
			}
			if err := r.Repair(ctx, tenant, done); err != nil {
				return err
			}
			text := tenantName(tenant) + ": the next run executes the statement"
			if done {
				text = tenantName(tenant) + ": the next run goes on after the statement"
			}
			return t.print.Emit("repair", repaired{whoIs(tenant), done}, text)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "the tenant's id, instead of its identifier")
	flags.BoolVar(&home, "home", false, "the home's own tables, instead of a tenant's")
	flags.BoolVar(&done, "done", false, "it was executed: go on after it")
	flags.BoolVar(&not, "not-done", false, "it was not: execute it")
	tune(flags, &tuning)
	return t.writes(cmd)
}

// repaired is what repair has settled, as JSON shows it.
type repaired struct {
	who

	Done bool `json:"done"`
}

// toRepair returns the tenant that is named, or the zero tenant for the home.
func (t *tool) toRepair(ctx context.Context, a *app.App, home bool, id string, args []string) (tenancy.Tenant, error) {
	if home && (id != "" || len(args) > 0) {
		return tenancy.Tenant{}, usage(errors.New("--home is instead of a tenant"))
	}
	if home {
		return tenancy.Tenant{}, nil
	}
	ref, err := refOf(id, args)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	return a.Find(ctx, ref)
}

// unrepaired shows the statement that repair would settle, and leaves it so.
func (t *tool) unrepaired(ctx context.Context, a *app.App, tenant tenancy.Tenant) error {
	r, err := a.Runner(migrate.Config{Tenants: only([]tenancy.Tenant{tenant}), Statuses: tenancy.Statuses()})
	if err != nil {
		return usage(err)
	}
	plan, err := r.Plan(ctx)
	if err != nil {
		return err
	}
	for _, g := range plan.Groups {
		if tenant.ID != g.Tenants[0] && (g.Tenants[0] != "" || a.OwnPlace(tenant)) {
			continue // the home, which has a group of its own
		}
		text := "nothing is pending"
		switch {
		case g.Err != nil:
			text = t.redact(g.Err.Error())
		case len(g.Files) > 0 && len(g.Files[0].Statements) > 0:
			text = "would be settled if it was begun: " + g.Files[0].Name + ": " + g.Files[0].Statements[0]
		}
		if err := t.showGroup(g); err != nil {
			return err
		}
		if err := t.print.Text("%s: %s", tenantName(tenant), text); err != nil {
			return err
		}
	}
	return nil
}
