package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

func (t *tool) createCommand() *cobra.Command {
	n := registry.NewTenant{}
	var metadata []string
	var id string
	cmd := &cobra.Command{
		Use:   "create IDENTIFIER",
		Short: "Make a tenant: its record, its place with its tables, and serve it",
		Long: "If a step fails the tenant is left with the status provisioning, and\n" +
			"tenancy tenant resume goes on. An application's own hooks are not called.",
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: t.onHome(func(ctx context.Context, a *app.App, args []string) error {
			n.Identifier, n.ID = args[0], tenancy.ID(id)
			if n.Name == "" {
				n.Name = n.Identifier
			}
			var err error
			if n.Metadata, err = parseMetadata(metadata); err != nil {
				return usage(err)
			}
			if err := n.Validate(); err != nil {
				return usage(err)
			}
			return t.create(ctx, a, n)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Name, "name", "", "the name for people (default the identifier)")
	flags.StringVar(&n.Plan, "plan", "", "what it has bought, in the application's words")
	flags.StringArrayVar(&metadata, "metadata", nil, "key=value, with a value of JSON or else a text; may be given again")
	flags.StringVar(&id, "id", "", "its id (default a new UUID)")
	return t.writes(cmd)
}

// create makes the tenant, unless it is a dry run.
func (t *tool) create(ctx context.Context, a *app.App, n registry.NewTenant) error {
	if err := t.begin(ctx, a); err != nil {
		return err
	}
	var err error
	if n.Isolation, err = a.Isolation(n); err != nil {
		return err
	}
	if t.dryRun {
		return t.wouldCreate(ctx, a, n)
	}
	life, err := a.Lifecycle(ctx, tenancy.Tenant{Isolation: n.Isolation})
	if err != nil {
		return usage(err)
	}
	made, err := life.Provision(context.WithoutCancel(ctx), n) // what is begun is finished
	if err != nil && made.Version > 0 {                        // the record is there
		return partial(fmt.Errorf("%w\n%s is left provisioning: tenancy tenant resume %s", err, n.Identifier, n.Identifier))
	}
	if err != nil {
		return err
	}
	if err := t.showChange(change{Action: string(manager.ActionProvision), Tenant: made, To: made.Status}); err != nil || t.json {
		return err
	}
	if err := t.showTenant(made); err != nil {
		return err
	}
	return t.hintAtTables(ctx, a, made)
}

// hintAtTables says so where a tenant is to live in shared tables that are not there yet.
func (t *tool) hintAtTables(ctx context.Context, a *app.App, made tenancy.Tenant) error {
	if a.OwnPlace(made) {
		return nil
	}
	tables, err := a.TenantTables(ctx, a.Home, a.Schema())
	if err != nil || len(tables.Tables) > 0 {
		return err
	}
	return t.print.Text("The home has no table with the column %s yet: tenancy migrate apply makes the shared tables.", a.Config.TenantColumn)
}

func (t *tool) wouldCreate(ctx context.Context, a *app.App, n registry.NewTenant) error {
	taken, err := a.Taken(ctx, n.Identifier)
	if err != nil {
		return err
	}
	if taken {
		return fmt.Errorf("%w: %q", tenancy.ErrExists, n.Identifier)
	}
	made, err := registry.Created(n)
	if err != nil {
		return err
	}
	return t.showChange(change{Action: string(manager.ActionProvision), DryRun: true, Tenant: made, To: tenancy.StatusActive})
}

// parseMetadata reads key=value. A value that is JSON is what it says, so that a
// number is one; any other is a text.
func parseMetadata(pairs []string) (map[string]any, error) {
	values := map[string]any{}
	for _, pair := range pairs {
		key, text, ok := strings.Cut(pair, "=")
		if !ok || key == "" {
			return nil, errors.New("--metadata is like seats=5")
		}
		var value any
		if err := json.Unmarshal([]byte(text), &value); err != nil {
			value = text
		}
		values[key] = value
	}
	return values, nil
}
