package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/migrate"
)

func (t *tool) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Bring the tables of all tenants to the version that the program needs",
		Long: "Files in the directory of migrations are applied to the shared tables, to each\n" +
			"tenant's schema and to each tenant's database. See docs/migrations.md.\n\n" + exitHelp,
	}
	cmd.AddCommand(t.diffCommand(), t.checkpointCommand(), t.hashCommand(), t.lintCommand(), t.planCommand(), t.applyCommand(), t.statusCommand(),
		t.repairCommand(), t.driftCommand(), t.baselineCommand())
	return cmd
}

// onRunner opens the application and its migrations for a command.
func (t *tool) onRunner(
	tuning *migrate.Config, run func(ctx context.Context, a *app.App, r *migrate.Runner, args []string) error,
) func(*cobra.Command, []string) error {
	return t.onApp(func(ctx context.Context, a *app.App, args []string) error {
		r, err := runner(a, *tuning)
		if err != nil {
			return err
		}
		return run(ctx, a, r, args)
	})
}

// runner is the application's. What is wrong with a flag is said here, by the flag's name.
func runner(a *app.App, tuning migrate.Config) (*migrate.Runner, error) {
	if err := meant(tuning); err != nil {
		return nil, usage(err)
	}
	r, err := a.Runner(tuning)
	if errors.Is(err, migrate.ErrNoVersion) {
		err = fmt.Errorf("--to-version: %w %q: name one of a file", migrate.ErrNoVersion, tuning.ToVersion)
	}
	return r, usage(err)
}

// meant reports a flag of tune, patience or apply whose value cannot be meant.
func meant(c migrate.Config) error {
	for _, flag := range []struct {
		name     string
		negative bool
	}{
		{"concurrency", c.Concurrency < 0},
		{"lock-wait", c.LockWait < 0},
		{"lock-timeout", c.LockTimeout < 0},
		{"statement-timeout", c.StatementTimeout < 0},
		{"max-failures", c.MaxFailures < 0},
	} {
		if flag.negative {
			return fmt.Errorf("--%s is negative", flag.name)
		}
	}
	if c.MaxFailureRate < 0 || c.MaxFailureRate > 1 {
		return errors.New("--max-failure-rate is from 0 to 1")
	}
	return nil
}

// tune adds the flags of how hard to work, for a command that goes through many tenants.
func tune(flags *pflag.FlagSet, c *migrate.Config) {
	flags.IntVar(&c.Concurrency, "concurrency", 0, "how many tenants at once on one server (default the machine's cores, up to 4)")
	patience(flags, c)
}

// patience adds the flags of how long to wait.
func patience(flags *pflag.FlagSet, c *migrate.Config) {
	flags.DurationVar(&c.LockWait, "lock-wait", 0, "how long to wait for other runs (default 10s)")
	flags.DurationVar(&c.LockTimeout, "lock-timeout", 0, "how long a statement waits for a lock (default 2s)")
	flags.DurationVar(&c.StatementTimeout, "statement-timeout", 0, "how long a statement may take, on PostgreSQL (default the server's)")
}

// until adds the flag of how far to go.
func until(flags *pflag.FlagSet, c *migrate.Config) {
	flags.StringVar(&c.ToVersion, "to-version", "", "go no further than the file of this version (default the last)")
}

// result is what became of one tenant, as JSON shows it.
type result struct {
	who

	DryRun    bool            `json:"dry_run,omitempty"`
	Outcome   migrate.Outcome `json:"outcome"`
	From      string          `json:"from"`
	To        string          `json:"to"`
	Error     string          `json:"error,omitempty"`
	Code      string          `json:"code,omitempty"`
	File      string          `json:"file,omitempty"`
	Line      int             `json:"line,omitempty"`
	Statement string          `json:"statement,omitempty"`
	TookMS    float64         `json:"took_ms"`
}

// who names a tenant or the home.
type who struct {
	ID         tenancy.ID `json:"id,omitempty"`
	Identifier string     `json:"identifier,omitempty"`
	Home       bool       `json:"home,omitempty"`
}

func whoIs(t tenancy.Tenant) who {
	return who{ID: t.ID, Identifier: t.Identifier, Home: t.ID == ""}
}

func (t *tool) resultOf(r migrate.Result) result {
	shown := result{
		who: whoIs(r.Tenant), Outcome: r.Outcome, From: r.From, To: r.To,
		File: r.File, Line: r.Line, Statement: r.Statement, TookMS: milliseconds(r.Took),
	}
	if r.Err != nil {
		shown.Error, shown.Code = t.redact(r.Err.Error()), errorCode(r.Err)
	}
	return shown
}

// line is the result for people.
func (t *tool) line(r migrate.Result) string {
	text := fmt.Sprintf("%-9s  %s", r.Outcome, tenantName(r.Tenant))
	if r.From != r.To {
		text += fmt.Sprintf("  %s → %s", cmp.Or(r.From, "nothing"), cmp.Or(r.To, "nothing"))
	}
	if r.Err != nil {
		text += "  " + strings.ReplaceAll(t.redact(r.Err.Error()), "\n", " ")
	}
	return text
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
