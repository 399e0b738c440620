// Own runs a command beside PostgreSQL and MariaDB servers that are started for
// it, in memory, and end with it. `make test` runs all tests so: nearly every one
// makes a database and drops it, which takes twice the time on a disk.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func main() { os.Exit(run(os.Args[1:])) }

func run(command []string) int {
	if len(command) == 0 {
		_, _ = fmt.Fprintln(os.Stderr, "usage: own COMMAND [ARGUMENT...]")
		return 2
	}
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer cancel()
	variables, stop, err := servers.Own(ctx)
	defer stop()
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
	}
	cmd := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // it is for running commands
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.Env = append(os.Environ(), variables...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return exit.ExitCode()
	default:
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
}
