// Package cli is the commands of the tool: a file for each group of them.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"os/user"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/output"
)

// Streams are where the tool reads and writes.
type Streams struct {
	In       *os.File
	Out, Err *os.File
}

// Main runs the command that args name and returns the exit code.
func Main(args []string, streams Streams) int {
	ctx, stop := interruptible(streams.Err)
	defer stop()
	t := &tool{streams: streams, redact: output.Redactor(secrets()...)}
	root := t.root()
	root.SetArgs(args)
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.Err)
	t.json = slices.Contains(args, "--json") // also for an error before flags are read
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	t.tell(err)
	return exitCode(err)
}

// errInterrupted is why a context ended.
var errInterrupted = errors.New("interrupted")

// interruptible returns a context that ends with the first Ctrl-C, so that what
// was begun can be finished. The second one ends the process.
func interruptible(w io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			_, _ = fmt.Fprintln(w, "\ninterrupted: finishing what was begun; again to stop at once")
			cancel(errInterrupted)
		case <-done:
		}
	}()
	return ctx, func() { signal.Stop(signals); close(done); cancel(nil) }
}

// tool is one run of the program.
type tool struct {
	streams Streams
	config  app.Config
	json    bool
	dryRun  bool
	redact  func(string) string
	print   *output.Printer
}

// prepare reads the environment, once the flags are known.
func (t *tool) prepare(cmd *cobra.Command, _ []string) error {
	var err error
	if t.config, err = app.Load(cmd.Flags()); err != nil {
		return usage(err)
	}
	t.redact = output.Redactor(append(secrets(), t.config.Secrets()...)...)
	t.print = output.NewPrinter(t.streams.Out, t.json)
	t.config.Log = slog.New(slog.NewTextHandler(output.Redacting(t.streams.Err, t.redact), &slog.HandlerOptions{Level: slog.LevelWarn}))
	return nil
}

// secrets are the values of the environment that must not be shown.
func secrets() []string {
	c, _ := app.Load(nil) // what is wrong with it is told later
	return c.Secrets()
}

// tell writes why the program ends: for people on the standard error, for
// programs as the last line of the output.
func (t *tool) tell(err error) {
	text := t.redact(err.Error())
	if t.json {
		_ = output.NewPrinter(t.streams.Out, true).Emit("error", map[string]any{"code": errorCode(err), "message": text, "exit": exitCode(err)}, "")
		return
	}
	_, _ = fmt.Fprintln(t.streams.Err, "error:", text)
}

// terminal reports whether a person is at a stream.
func terminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// onApp opens the application for a command, and closes it afterwards.
func (t *tool) onApp(run func(ctx context.Context, a *app.App, args []string) error) func(*cobra.Command, []string) error {
	return t.onHome(func(ctx context.Context, a *app.App, args []string) error {
		if err := a.Look(); err != nil {
			return err
		}
		return run(ctx, a, args)
	})
}

// onHome is onApp for a command that begins where nothing is yet, with begin.
func (t *tool) onHome(run func(ctx context.Context, a *app.App, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) (err error) {
		ctx := audit.WithActor(cmd.Context(), operator())
		a, err := app.Open(ctx, t.config)
		if err != nil {
			return usage(err)
		}
		defer func() { err = errors.Join(err, a.Close()) }()
		return a.Explain(ctx, run(ctx, a, args))
	}
}

// operator is who the audit has for what this tool does: the account that runs it.
func operator() audit.Actor {
	actor := audit.Actor{UserAgent: "tenancy"}
	if account, err := user.Current(); err == nil {
		actor.Principal = account.Username
	}
	return actor
}

// begin makes the registry's tables, or brings them up to date, unless it is a dry run.
func (t *tool) begin(ctx context.Context, a *app.App) error {
	if t.dryRun {
		return a.Look()
	}
	return a.Init(ctx)
}
