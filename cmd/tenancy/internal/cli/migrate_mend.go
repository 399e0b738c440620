package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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
			r, err := runner(a, tuning)
			if err != nil {
				return err
			}
			if err := t.begin(ctx, a); err != nil {
				return err
			}
			if t.dryRun {
				return noVersion(t.unrecorded(ctx, r, args[0]))
			}
			report, err := r.Baseline(ctx, args[0])
			if err != nil && report == (migrate.Report{}) {
				return noVersion(err)
			}
			// As after a run: what it has made for itself is not for the role that serves.
			return errors.Join(t.showReport(report), err, a.Init(context.WithoutCancel(ctx)))
		}),
	}
	tune(cmd.Flags(), &tuning)
	return t.writes(cmd)
}

// noVersion makes it an error of usage that no file has the version of an argument.
func noVersion(err error) error {
	if errors.Is(err, migrate.ErrNoVersion) {
		return usage(err)
	}
	return err
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
			text = "would be recorded for " + tenantName(result.Tenant)
		}
		shown := t.resultOf(result)
		shown.DryRun = true
		if err := t.print.Emit("result", shown, text); err != nil {
			return err
		}
	}
	failed := len(results) - dirty
	counts := map[string]any{"dry_run": true, "applied": dirty, "failed": failed}
	if err := t.print.Emit("report", counts, fmt.Sprintf("%d have tables and no record of migrations", dirty)); err != nil {
		return err
	}
	if failed > 0 {
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
			r, err := runner(a, tuning)
			if err != nil {
				return err
			}
			if t.dryRun {
				return t.unrepaired(ctx, a, tenant, done)
			}
			settled, err := r.Repair(ctx, tenant, done)
			if err != nil {
				return err
			}
			text := tenantName(tenant) + ": the next run executes "
			if done {
				text = tenantName(tenant) + ": the next run goes on after "
			}
			shown := repaired{whoIs(tenant), done, false, settled.File, settled.Statement}
			return t.print.Emit("repair", shown, text+settled.File+": "+settled.Statement)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&id, "id", "", "the tenant's id, instead of its identifier")
	flags.BoolVar(&home, "home", false, "the home's own tables, instead of a tenant's")
	flags.BoolVar(&done, "done", false, "it was executed: go on after it")
	flags.BoolVar(&not, "not-done", false, "it was not: execute it")
	patience(flags, &tuning)
	return t.writes(cmd)
}

// repaired is what repair has settled, or would settle, as JSON shows it.
type repaired struct {
	who

	Done      bool   `json:"done"`
	DryRun    bool   `json:"dry_run,omitempty"`
	File      string `json:"file"`
	Statement string `json:"statement"`
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

// unrepaired shows the statement that repair would settle, and leaves it so. It
// fails where repair would: nothing was left half way.
func (t *tool) unrepaired(ctx context.Context, a *app.App, tenant tenancy.Tenant, done bool) error {
	g, err := groupOf(ctx, a, tenant)
	if err != nil {
		return err
	}
	// The version of a place is that of the last file which was begun.
	if len(g.Files) == 0 || len(g.Files[0].Statements) == 0 || versionOf(g.Files[0].Name) != g.From {
		return fmt.Errorf("no migration of %s was left half way", tenantName(tenant))
	}
	file, statement := g.Files[0].Name, g.Files[0].Statements[0]
	text := tenantName(tenant) + ": the next run would execute " + file + ": " + statement
	if done {
		text = tenantName(tenant) + ": the next run would go on after " + file + ": " + statement
	}
	return t.print.Emit("repair", repaired{whoIs(tenant), done, true, file, statement}, text)
}

// groupOf returns what has to be done for one tenant, or for the home in whose
// tables it is.
func groupOf(ctx context.Context, a *app.App, tenant tenancy.Tenant) (migrate.Group, error) {
	if tenant.ID == "" || !a.OwnPlace(tenant) {
		tenant = tenancy.Tenant{Isolation: tenancy.IsolationShared}
	}
	r, err := a.Runner(migrate.Config{Tenants: only([]tenancy.Tenant{tenant}), Statuses: tenancy.Statuses()})
	if err != nil {
		return migrate.Group{}, usage(err)
	}
	plan, err := r.Plan(ctx)
	if err != nil {
		return migrate.Group{}, err
	}
	for _, g := range plan.Groups {
		if slices.Contains(g.Tenants, tenant.ID) {
			return g, g.Err
		}
	}
	return migrate.Group{}, nil
}

// versionOf is the version in the name of a file of migrations.
func versionOf(file string) string {
	version, _, _ := strings.Cut(strings.TrimSuffix(file, ".sql"), "_")
	return version
}
