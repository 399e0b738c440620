package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/doctor"
)

func (t *tool) doctorCommand() *cobra.Command {
	var config doctor.Config
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong, and exit with 3 if anything is",
		Long: "Looks at the role that serves requests, row-level security and its FORCE, composite\n" +
			"keys, what is between here and the server, records that cannot be read, tenants that\n" +
			"are stuck or behind, and namespaces that are nobody's. It changes nothing.\n\n" + exitHelp,
		Args: usageArgs(cobra.NoArgs),
		RunE: t.onApp(func(ctx context.Context, a *app.App, _ []string) error {
			bad := 0
			err := doctor.Run(ctx, a, config, func(c doctor.Check) error {
				if c.Outcome == doctor.Found || c.Outcome == doctor.Failed {
					bad++
				}
				return t.showCheck(c)
			})
			if err == nil && bad > 0 {
				err = partial(fmt.Errorf("%d checks have found something", bad))
			}
			return err
		}),
	}
	cmd.Flags().DurationVar(&config.StuckAfter, "stuck-after", 10*time.Minute, "for how long a tenant may be provisioning")
	return cmd
}

func (t *tool) showCheck(c doctor.Check) error {
	c.Note = t.redact(c.Note)
	var text strings.Builder
	fmt.Fprintf(&text, "%-8s %s", c.Outcome, c.Name)
	if c.Note != "" {
		text.WriteString(": " + c.Note)
	}
	for i := range c.Findings {
		c.Findings[i].Message = t.redact(c.Findings[i].Message)
		fmt.Fprintf(&text, "\n  %-8s %s", c.Findings[i].Severity, c.Findings[i].Message)
	}
	return t.print.Emit("check", c, text.String())
}
