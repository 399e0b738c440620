package cli

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy/migrate/lint"
)

func (t *tool) diffCommand() *cobra.Command {
	return t.projectCommand(&cobra.Command{
		Use:   "diff NAME [-- ARGUMENTS]",
		Short: "Write the migration that leads to the ent schema",
		Long: "Runs the project's own program, which knows its ent schema:\n\n" +
			"  go run ./ent/migrate/main.go [ARGUMENTS] NAME\n\n" +
			"See package migrate/diff for what is in it. With --dry-run it is run with -check,\n" +
			"which fails and says what is missing, and writes nothing.",
	})
}

func (t *tool) checkpointCommand() *cobra.Command {
	return t.projectCommand(&cobra.Command{
		Use:   "checkpoint NAME [-- ARGUMENTS]",
		Short: "Write the file that makes all that the files so far make, for new tenants",
		Long: "Runs the project's own program, which knows its ent schema:\n\n" +
			"  go run ./ent/migrate/main.go [ARGUMENTS] -checkpoint NAME\n\n" +
			"See diff.Checkpoint for what is in it. With --dry-run it is run with -check, which\n" +
			"fails where the files do not lead to the ent schema, and writes nothing.",
	}, "-checkpoint")
}

// projectCommand completes a command that runs the project's program, with flags before the name.
func (t *tool) projectCommand(cmd *cobra.Command, flags ...string) *cobra.Command {
	var target string
	cmd.Args = usageArgs(cobra.MinimumNArgs(1))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		last := append(flags, args[0])
		if t.dryRun {
			last = []string{"-check"}
		}
		return t.generate(cmd, cmp.Or(target, os.Getenv("TENANCY_CLI_MIGRATE_TARGET"), "./ent/migrate/main.go"), append(args[1:], last...))
	}
	cmd.Flags().StringVar(&target, "target", "", "the program (default ./ent/migrate/main.go) [TENANCY_CLI_MIGRATE_TARGET]")
	return t.writes(cmd)
}

// generate runs the project's program with arguments.
func (t *tool) generate(cmd *cobra.Command, target string, args []string) error {
	if info, err := os.Stat(target); err != nil { //nolint:gosec // the operator's own path
		return usage(fmt.Errorf("there is no program %s: run this in the project, or set --target", target))
	} else if info.IsDir() && !filepath.IsAbs(target) {
		target = "./" + filepath.ToSlash(filepath.Clean(target)) // otherwise a package of the standard library
	}
	run := exec.CommandContext(cmd.Context(), "go", append([]string{"run", target}, args...)...) //nolint:gosec // the operator's own program
	run.Cancel = func() error { return run.Process.Signal(os.Interrupt) }
	var said bytes.Buffer
	run.Stdout, run.Stderr = io.Writer(&said), t.streams.Err
	if err := run.Run(); err != nil {
		_, _ = t.streams.Err.Write(said.Bytes())
		return fmt.Errorf("%s: %w", target, err)
	}
	text := strings.TrimSpace(said.String())
	shown := map[string]any{"target": target, "arguments": args, "output": text}
	if t.dryRun {
		shown["dry_run"] = true
	}
	return t.print.Emit(cmd.Name(), shown, text)
}

func (t *tool) lintCommand() *cobra.Command {
	var config lint.Config
	cmd := &cobra.Command{
		Use:   "lint",
		Short: "Refuse migrations that lose data, hold tables or reach out of a tenant's place",
		Args:  usageArgs(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			tenant, shared, err := t.config.Migrations.Directories()
			if err != nil {
				return usage(err)
			}
			if config.Dialect == "" {
				if config.Dialect = t.config.Database.Dialect(); config.Dialect == "" {
					return usage(errors.New("for which database? Set --dialect, or TENANCY_DATABASE_URL"))
				}
			}
			config.TenantColumns = t.config.TenantColumns()
			return t.lint(config, tenant, shared)
		},
	}
	cmd.Flags().StringVar(&config.Dialect, "dialect", "", "postgres, mysql or sqlite3 (default that of the database URL)")
	cmd.Flags().StringVar(&config.After, "after", "", "leave out files up to this version")
	return cmd
}

// finding is a reason to refuse a file, as JSON shows it.
type finding struct {
	Directory string    `json:"directory"`
	File      string    `json:"file"`
	Line      int       `json:"line"`
	Rule      lint.Rule `json:"rule"`
	Message   string    `json:"message"`
	Statement string    `json:"statement,omitempty"`
}

func (t *tool) lint(config lint.Config, directories ...string) error {
	found := 0
	for _, directory := range directories {
		if directory == "" {
			continue
		}
		findings, err := lint.Directory(os.DirFS(directory), config)
		if err != nil {
			return err
		}
		found += len(findings)
		for _, f := range findings {
			shown := finding{directory, f.File, f.Line, f.Rule, f.Message, f.Statement}
			if err := t.print.Emit("finding", shown, filepath.ToSlash(directory)+"/"+f.String()); err != nil {
				return err
			}
		}
	}
	if err := t.print.Emit("report", map[string]any{"findings": found}, fmt.Sprintf("%d findings", found)); err != nil {
		return err
	}
	if found > 0 {
		return partial(fmt.Errorf("%d findings", found))
	}
	return nil
}
