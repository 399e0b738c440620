package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// The exit codes. They are part of what scripts may rely on.
const (
	exitOK          = 0
	exitFailure     = 1   // it was not done
	exitUsage       = 2   // it cannot be meant: a flag, an argument, a setting, a confirmation
	exitPartial     = 3   // it was done for a part, or what was asked for is not as it should be
	exitInterrupted = 130 // as a shell has it for Ctrl-C
)

const exitHelp = `Exit codes:
  0    done, or all is as it should be
  1    it was not done
  2    it cannot be meant: a flag, an argument, a setting, a confirmation
  3    a part was done, or not all is as it should be: tenants failed or are behind,
       migrations are refused, tables differ, the doctor has found something
  130  interrupted: what was begun is finished`

// exitError is an error with an exit code of its own.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error {
	if err == nil {
		return nil
	}
	return &exitError{exitUsage, err}
}

func partial(err error) error { return &exitError{exitPartial, err} }

// exitCode returns the code that an error ends the program with.
func exitCode(err error) int {
	var exit *exitError
	var part *migrate.PartialError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errInterrupted) || errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &exit):
		return exit.code
	case errors.As(err, &part):
		return exitPartial
	case errors.Is(err, tenancy.ErrInvalidIdentifier) || errors.Is(err, tenancy.ErrInvalidID) || errors.Is(err, tenancy.ErrInvalidQuery):
		return exitUsage
	default:
		return exitFailure
	}
}

// errorCode is what an error is called in JSON. It is never empty.
func errorCode(err error) string {
	var part *migrate.PartialError
	switch {
	case exitCode(err) == exitInterrupted:
		return "interrupted"
	case errors.As(err, &part) && !errors.Is(part.Cause, migrate.ErrStopped):
		return "partial" // each failure has a code of its own
	case part != nil:
		return "stopped"
	}
	for _, known := range []struct {
		err  error
		code string
	}{
		{tenancy.ErrNotFound, "not_found"},
		{tenancy.ErrExists, "exists"},
		{tenancy.ErrInvalidTransition, "invalid_transition"},
		{tenancy.ErrConflict, "conflict"},
		{tenancy.ErrInvalidPlacement, "invalid_placement"},
		{tenancy.ErrNotProvisioned, "not_provisioned"},
		{tenancy.ErrForeignNamespace, "foreign_namespace"},
		{tenancy.ErrCrossTenant, "cross_tenant"},
		{tenancy.ErrTooManyTenants, "too_many_tenants"},
		{tenancy.ErrUnavailable, "unavailable"},
		{tenancy.ErrNotRecorded, "not_recorded"},
		{migrate.ErrLocked, "locked"},
		{migrate.ErrDirectory, "invalid_directory"},
		{migrate.ErrEdited, "edited"},
		{migrate.ErrOrder, "out_of_order"},
		{migrate.ErrMissingFile, "missing_file"},
		{migrate.ErrDirty, "dirty"},
		{migrate.ErrInDoubt, "in_doubt"},
		{migrate.ErrUnconfirmed, "unconfirmed"},
		{migrate.ErrPooler, "pooler"},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return map[int]string{exitFailure: "failed", exitUsage: "usage", exitPartial: "partial"}[exitCode(err)]
}

// usageArgs makes the errors of a check of arguments errors of usage, which say what
// the command takes.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usage(fmt.Errorf("%w: %s", err, cmd.UseLine()))
		}
		return nil
	}
}
