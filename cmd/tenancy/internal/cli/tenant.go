package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
)

func (t *tool) tenantCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tenant",
		Short: "Create, find, suspend and erase tenants",
		Long:  "A tenant is named by its identifier, or by its id with --id.\n\n" + exitHelp,
	}
	cmd.AddCommand(t.createCommand(), t.listCommand(), t.showCommand(), t.searchCommand(), t.eraseCommand())
	for _, s := range steps() {
		cmd.AddCommand(t.stepCommand(s))
	}
	return cmd
}

// oneTenant makes a command about one tenant, which is named by an argument or by --id.
func (t *tool) oneTenant(cmd *cobra.Command, run func(ctx context.Context, a *app.App, tenant tenancy.Tenant) error) *cobra.Command {
	var id string
	cmd.Use += " [IDENTIFIER]"
	cmd.Flags().StringVar(&id, "id", "", "the tenant's id, instead of its identifier")
	cmd.Args = usageArgs(cobra.MaximumNArgs(1))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		ref, err := refOf(id, args)
		if err != nil {
			return err
		}
		return t.onApp(func(ctx context.Context, a *app.App, _ []string) error {
			tenant, err := a.Find(ctx, ref)
			if err != nil {
				return err
			}
			return run(ctx, a, tenant)
		})(cmd, args)
	}
	return cmd
}

// refOf returns what names the tenant.
func refOf(id string, args []string) (app.Ref, error) {
	switch {
	case id != "" && len(args) > 0:
		return app.Ref{}, usage(errors.New("a tenant is named by its identifier or by --id, not by both"))
	case id != "":
		return app.Ref{ID: tenancy.ID(id)}, usage(tenancy.ID(id).Validate())
	case len(args) == 0:
		return app.Ref{}, usage(errors.New("which tenant? Give its identifier, or --id"))
	default:
		return app.Ref{Identifier: args[0]}, usage(tenancy.ValidateIdentifier(args[0]))
	}
}
