package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/migrate"
)

func (t *tool) planCommand() *cobra.Command {
	var tuning migrate.Config
	cmd := &cobra.Command{
		Use:   "plan [IDENTIFIER...]",
		Short: "Show what apply would do, as SQL, and change nothing",
		RunE: t.onApp(func(ctx context.Context, a *app.App, args []string) error {
			return t.plan(ctx, a, tuning, args)
		}),
	}
	tune(cmd.Flags(), &tuning)
	until(cmd.Flags(), &tuning)
	return cmd
}

// planned is tenants for which the same has to be done, as JSON shows it.
type planned struct {
	From    string        `json:"from"`
	To      string        `json:"to"`
	Home    bool          `json:"home,omitempty"`
	Tenants []tenancy.ID  `json:"tenants"`
	Files   []plannedFile `json:"files"`
	Error   string        `json:"error,omitempty"`
	Code    string        `json:"code,omitempty"`
}

type plannedFile struct {
	Name       string   `json:"name"`
	Statements []string `json:"statements"`
	Alone      bool     `json:"alone,omitempty"`
}

// plan shows what apply would do, everywhere or to some tenants.
func (t *tool) plan(ctx context.Context, a *app.App, tuning migrate.Config, identifiers []string) error {
	plan, err := planOf(ctx, a, tuning, identifiers)
	if err != nil {
		return err
	}
	blocked := 0
	for _, g := range plan.Groups {
		if g.Err != nil {
			blocked += len(g.Tenants)
		}
		if err := t.showGroup(g); err != nil {
			return err
		}
	}
	if !t.json {
		if _, err := plan.WriteTo(t.print); err != nil {
			return err
		}
	}
	if blocked > 0 {
		return partial(fmt.Errorf("%d cannot be migrated: see the plan", blocked))
	}
	return nil
}

// planOf is the plan for everybody, or for tenants that are named: with the home if one
// of them lives there, since to migrate the others is not to migrate it.
func planOf(ctx context.Context, a *app.App, tuning migrate.Config, identifiers []string) (*migrate.Plan, error) {
	tenants, err := findAll(ctx, a, identifiers)
	if err != nil {
		return nil, err
	}
	if len(tenants) > 0 {
		tuning.Tenants = only(tenants)
		tuning.Statuses = tenancy.Statuses()
	}
	r, err := runner(a, tuning)
	if err != nil {
		return nil, err
	}
	plan, err := r.Plan(ctx)
	if err == nil && len(tenants) > 0 && !slices.ContainsFunc(tenants, func(t tenancy.Tenant) bool { return !a.OwnPlace(t) }) {
		withoutHome(plan)
	}
	return plan, err
}

// withoutHome takes the home out of a plan.
func withoutHome(plan *migrate.Plan) {
	for i, g := range plan.Groups {
		plan.Groups[i].Tenants = slices.DeleteFunc(g.Tenants, func(id tenancy.ID) bool { return id == "" })
	}
	plan.Groups = slices.DeleteFunc(plan.Groups, func(g migrate.Group) bool { return len(g.Tenants) == 0 })
}

func (t *tool) showGroup(g migrate.Group) error {
	if !t.json {
		return nil
	}
	shown := planned{From: g.From, To: g.To, Tenants: []tenancy.ID{}, Files: []plannedFile{}}
	for _, id := range g.Tenants {
		if id == "" {
			shown.Home = true
		} else {
			shown.Tenants = append(shown.Tenants, id)
		}
	}
	for _, f := range g.Files {
		shown.Files = append(shown.Files, plannedFile(f))
	}
	if g.Err != nil {
		shown.Error, shown.Code = t.redact(g.Err.Error()), errorCode(g.Err)
	}
	return t.print.Emit("plan", shown, "")
}

// only goes through tenants that were read before.
func only(tenants []tenancy.Tenant) func(context.Context) iter.Seq2[tenancy.Tenant, error] {
	return func(context.Context) iter.Seq2[tenancy.Tenant, error] {
		return func(yield func(tenancy.Tenant, error) bool) {
			for _, tenant := range tenants {
				if !yield(tenant, nil) {
					return
				}
			}
		}
	}
}

func (t *tool) statusCommand() *cobra.Command {
	var tuning migrate.Config
	var all bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show who is behind, and exit with 3 if anybody is",
		Args:  usageArgs(cobra.NoArgs),
		RunE: t.onRunner(&tuning, func(ctx context.Context, _ *app.App, r *migrate.Runner, _ []string) error {
			return t.status(ctx, r, all)
		}),
	}
	tune(cmd.Flags(), &tuning)
	cmd.Flags().BoolVar(&all, "all", false, "show those that are up to date too")
	return cmd
}

// state is how far one tenant is, as JSON shows it.
type state struct {
	who

	Version string `json:"version"`
	Pending int    `json:"pending"`
	Ahead   bool   `json:"ahead,omitempty"`
	Error   string `json:"error,omitempty"`
	Code    string `json:"code,omitempty"`
}

func (t *tool) status(ctx context.Context, r *migrate.Runner, all bool) error {
	states, err := statesOf(ctx, r)
	if err != nil {
		return err
	}
	table := t.print.Table("status", "TENANT", "VERSION", "PENDING", "STATE")
	behind, ahead, failed := 0, 0, 0
	for _, s := range states {
		text := "up to date"
		switch {
		case s.Err != nil:
			failed++
			text = t.redact(s.Err.Error())
		case s.Pending > 0:
			behind++
			text = "behind"
		case s.Ahead:
			ahead++
			text = "ahead: the directory does not have this version"
		}
		if s.Err == nil && s.Pending == 0 && !s.Ahead && !all {
			continue
		}
		shown := state{who: whoIs(s.Tenant), Version: s.Version, Pending: s.Pending, Ahead: s.Ahead}
		if s.Err != nil {
			shown.Error, shown.Code = t.redact(s.Err.Error()), errorCode(s.Err)
		}
		if err := table.Row(shown, tenantName(s.Tenant), orDash(s.Version), strconv.Itoa(s.Pending), text); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	current := len(states) - behind - failed
	text := fmt.Sprintf("%d up to date, %d behind, %d with an error", current, behind, failed)
	if ahead > 0 {
		text += fmt.Sprintf(", %d ahead of the directory", ahead)
	}
	if err := t.print.Emit("report", map[string]any{"current": current, "behind": behind, "ahead": ahead, "failed": failed}, text); err != nil {
		return err
	}
	if behind+failed > 0 {
		return partial(fmt.Errorf("not all are up to date: %s", text))
	}
	return nil
}

// statesOf reads how far everybody is, the home first and then by identifier.
func statesOf(ctx context.Context, r *migrate.Runner) ([]migrate.Status, error) {
	var states []migrate.Status
	for s, err := range r.Status(ctx) {
		if err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b migrate.Status) int { return byName(a.Tenant, b.Tenant) })
	return states, nil
}

// byName is the order in which tenants are shown, the home first.
func byName(a, b tenancy.Tenant) int {
	return cmp.Or(cmp.Compare(a.Identifier, b.Identifier), cmp.Compare(a.ID, b.ID))
}

func (t *tool) driftCommand() *cobra.Command {
	var tuning migrate.Config
	cmd := &cobra.Command{
		Use:   "drift",
		Short: "Show whose tables are not what the migrations make, and exit with 3 if anybody's are (PostgreSQL)",
		Args:  usageArgs(cobra.NoArgs),
		RunE: t.onRunner(&tuning, func(ctx context.Context, _ *app.App, r *migrate.Runner, _ []string) error {
			found, err := r.Drift(ctx)
			var part *migrate.PartialError
			if errors.As(err, &part) { // the others were compared
				for _, failure := range part.Failures {
					if err := t.print.Emit("result", t.resultOf(failure), t.line(failure)); err != nil {
						return err
					}
				}
			}
			if found == nil {
				return err
			}
			return errors.Join(t.showDrifts(found), err)
		}),
	}
	tune(cmd.Flags(), &tuning)
	return cmd
}

// drift is what differs for one tenant, as JSON shows it.
type drift struct {
	who

	Missing []string `json:"missing"`
	Extra   []string `json:"extra"`
}

func (t *tool) showDrifts(found *migrate.DriftReport) error {
	slices.SortFunc(found.Drifts, func(a, b migrate.Drift) int { return cmp.Compare(a.Tenant.Identifier, b.Tenant.Identifier) })
	for _, d := range found.Drifts {
		lines := []string{tenantName(d.Tenant)}
		for _, missing := range d.Missing {
			lines = append(lines, "  missing  "+missing)
		}
		for _, extra := range d.Extra {
			lines = append(lines, "  extra    "+extra)
		}
		if err := t.print.Emit("drift", drift{whoIs(d.Tenant), nonNil(d.Missing), nonNil(d.Extra)}, strings.Join(lines, "\n")); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("%d compared, %d differ, %d at another version were not compared", found.Checked, len(found.Drifts), found.Behind)
	counts := map[string]any{"checked": found.Checked, "differ": len(found.Drifts), "behind": found.Behind}
	if err := t.print.Emit("report", counts, text); err != nil {
		return err
	}
	if len(found.Drifts)+found.Behind > 0 {
		return partial(fmt.Errorf("not all tables are what the migrations make: %s", text))
	}
	return nil
}

// nonNil makes no texts an empty list in JSON.
func nonNil(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
