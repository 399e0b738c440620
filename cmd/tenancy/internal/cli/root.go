package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
)

// root returns the command with all others below it.
func (t *tool) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "tenancy",
		Short: "Operate the tenants of an application",
		Long: "Tenancy creates, suspends, migrates and erases the tenants of an application, and\n" +
			"looks for what is wrong with them.\n\n" + exitHelp,
		SilenceErrors: true, SilenceUsage: true,
		PersistentPreRunE: t.prepare,
	}
	flags := root.PersistentFlags()
	app.Flags(flags)
	flags.BoolVar(&t.json, "json", false, "write JSON, one object a line")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	root.AddCommand(t.tenantCommand(), t.migrateCommand(), t.doctorCommand(), t.versionCommand())
	for _, cmd := range append(root.Commands(), root) {
		if cmd.HasSubCommands() {
			group(cmd)
		}
	}
	return root
}

// group makes a command that does nothing by itself say so.
func group(cmd *cobra.Command) {
	cmd.Args = cobra.ArbitraryArgs
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return usage(fmt.Errorf("%s has no command %q: see %s --help", cmd.CommandPath(), args[0], cmd.CommandPath()))
		}
		return usage(errors.Join(cmd.Help(), fmt.Errorf("%s needs a command", cmd.CommandPath())))
	}
}

// writes gives a command that changes something the flag --dry-run.
func (t *tool) writes(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().BoolVar(&t.dryRun, "dry-run", false, "say what would be done, and change nothing")
	return cmd
}
