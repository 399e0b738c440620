package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/output"
	"github.com/entenancy/tenancy/migrate"
)

func (t *tool) applyCommand() *cobra.Command {
	var tuning migrate.Config
	var canary []string
	cmd := &cobra.Command{
		Use:   "apply [IDENTIFIER...]",
		Short: "Apply what is pending: everywhere, or to the tenants that are named",
		Long: "Tenants that fail are named and the others are gone on with; run it again to\n" +
			"resume. Ctrl-C finishes the tenants that were begun. Tenants that are named are\n" +
			"migrated one after the other, in the order in which they are named.",
		PreRunE: func(cmd *cobra.Command, args []string) error { return usage(onlyEverywhere(cmd, args)) },
		RunE: t.onHome(func(ctx context.Context, a *app.App, args []string) error {
			if _, err := runner(a, tuning); err != nil { // before anything is made
				return err
			}
			err := t.begin(ctx, a)
			if err != nil {
				return err
			}
			if tuning.Waves, err = canaryWave(ctx, a, canary); err != nil {
				return err
			}
			if t.dryRun {
				return t.plan(ctx, a, tuning, args)
			}
			if len(args) > 0 {
				return t.applyTo(ctx, a, tuning, args)
			}
			return t.apply(ctx, a, tuning)
		}),
	}
	flags := cmd.Flags()
	tune(flags, &tuning)
	until(flags, &tuning)
	flags.StringSliceVar(&canary, "canary", nil, "identifiers of tenants that go first; if one fails no other is begun")
	flags.IntVar(&tuning.MaxFailures, "max-failures", 0, "begin no more tenants after so many failures (default never)")
	flags.Float64Var(&tuning.MaxFailureRate, "max-failure-rate", 0, "the same as a part of those tried, from 0 to 1 (default never)")
	return t.writes(cmd)
}

// onlyEverywhere refuses what tenants that are named would not go by: it is better
// to hear of it than to rely on it.
func onlyEverywhere(cmd *cobra.Command, identifiers []string) error {
	var without []string
	for _, flag := range []string{"concurrency", "canary", "max-failures", "max-failure-rate"} {
		if cmd.Flags().Changed(flag) {
			without = append(without, "--"+flag)
		}
	}
	if len(identifiers) == 0 || len(without) == 0 {
		return nil
	}
	return fmt.Errorf("%s is for a run everywhere: leave it out, or name no tenants", strings.Join(without, " and "))
}

// canaryWave is of tenants that there have to be, and that a run migrates: a canary of
// nobody would hold up nobody.
func canaryWave(ctx context.Context, a *app.App, identifiers []string) ([]migrate.Wave, error) {
	if len(identifiers) == 0 {
		return nil, nil
	}
	tenants, err := findAll(ctx, a, identifiers)
	if errors.Is(err, tenancy.ErrNotFound) {
		return nil, usage(fmt.Errorf("--canary: %w", err))
	}
	if err != nil {
		return nil, err
	}
	for _, c := range tenants {
		if c.Status != tenancy.StatusActive && c.Status != tenancy.StatusSuspended {
			return nil, usage(fmt.Errorf("--canary: %q is %s: name tenants that are active or suspended", c.Identifier, c.Status))
		}
	}
	return []migrate.Wave{{Name: "canary", Match: func(t tenancy.Tenant) bool {
		return slices.ContainsFunc(tenants, func(c tenancy.Tenant) bool { return c.ID == t.ID })
	}}}, nil
}

// apply brings everything up to date.
func (t *tool) apply(ctx context.Context, a *app.App, tuning migrate.Config) error {
	total, err := a.Places(ctx)
	if err != nil {
		return err
	}
	var progress *output.Progress
	tuning.OnResult = func(r migrate.Result) { t.showResult(progress, r) }
	r, err := runner(a, tuning)
	if err != nil {
		return err
	}
	progress = t.progress(total)
	report, err := r.Apply(ctx)
	progress.Close()
	var part *migrate.PartialError
	if err != nil && !errors.As(err, &part) {
		return err
	}
	// Init takes from the role that serves what default privileges give it of tables that the run has made for itself.
	return errors.Join(t.showReport(report), err, a.Init(context.WithoutCancel(ctx)))
}

// progress shows how far a run is on the standard error.
func (t *tool) progress(total int) *output.Progress {
	return output.NewProgress(t.streams.Err, terminal(t.streams.Err) && !t.json, total)
}

// showResult tells of one tenant: what went well only where lines are kept.
func (t *tool) showResult(progress *output.Progress, r migrate.Result) {
	text := ""
	switch {
	case t.json:
		_ = t.print.Emit("result", t.resultOf(r), "") // a reader that is gone does not stop the run
	case r.Outcome == migrate.Unchanged:
	case !terminal(t.streams.Out):
		_ = t.print.Text("%s", t.line(r))
	case r.Outcome == migrate.Failed || !terminal(t.streams.Err):
		text = t.line(r)
	}
	progress.Step(text)
}

// report counts outcomes, as JSON shows it.
type report struct {
	Applied   int     `json:"applied"`
	Unchanged int     `json:"unchanged"`
	Failed    int     `json:"failed"`
	Skipped   int     `json:"skipped"`
	TookMS    float64 `json:"took_ms"`
}

func (t *tool) showReport(r migrate.Report) error {
	return t.print.Emit("report", report{r.Applied, r.Unchanged, r.Failed, r.Skipped, milliseconds(r.Took)},
		fmt.Sprintf("%d applied, %d unchanged, %d failed, %d skipped in %s", r.Applied, r.Unchanged, r.Failed, r.Skipped, r.Took.Round(time.Millisecond)))
}

// applyTo brings single tenants up to date.
func (t *tool) applyTo(ctx context.Context, a *app.App, tuning migrate.Config, identifiers []string) error {
	r, err := runner(a, tuning)
	if err != nil {
		return err
	}
	tenants, err := findAll(ctx, a, identifiers)
	if err != nil {
		return err
	}
	report, start := migrate.Report{}, time.Now()
	partial := &migrate.PartialError{}
	progress := t.progress(len(tenants))
	for _, tenant := range tenants {
		if ctx.Err() != nil {
			partial.Cause = context.Cause(ctx)
			break
		}
		result, _ := r.ApplyTo(ctx, tenant) // its error is in the result
		t.showResult(progress, result)
		switch result.Outcome {
		case migrate.Applied:
			report.Applied++
		case migrate.Unchanged:
			report.Unchanged++
		case migrate.Failed, migrate.Skipped:
			report.Failed++
			partial.Failures = append(partial.Failures, result)
		}
	}
	progress.Close()
	report.Took = time.Since(start)
	if err := t.showReport(report); err != nil || len(partial.Failures) == 0 && partial.Cause == nil {
		return err
	}
	return partial
}

// findAll reads the records of tenants before anything is done to one.
func findAll(ctx context.Context, a *app.App, identifiers []string) ([]tenancy.Tenant, error) {
	tenants := make([]tenancy.Tenant, 0, len(identifiers))
	for _, identifier := range identifiers {
		ref, err := refOf("", []string{identifier})
		if err != nil {
			return nil, err
		}
		tenant, err := a.Find(ctx, ref)
		if err != nil {
			return nil, err
		}
		tenants = append(tenants, tenant)
	}
	return tenants, nil
}
