package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
)

// confirming gives a command that destroys something the flag --yes.
func confirming(cmd *cobra.Command, yes *string) *cobra.Command {
	cmd.Flags().StringVar(yes, "yes", "", "confirm, with the tenant's identifier; asked for on a terminal")
	return cmd
}

// confirm asks a person to type the tenant's identifier, unless --yes has it.
// A tenant without one, whose record is broken, is confirmed by its id.
func (t *tool) confirm(ctx context.Context, tenant tenancy.Tenant, yes, what string) error {
	want := tenantName(tenant)
	switch {
	case yes == want:
		return nil
	case yes != "":
		return usage(fmt.Errorf("--yes names another tenant than %q: nothing was done", want))
	case t.json || !terminal(t.streams.In) || !terminal(t.streams.Err):
		return usage(fmt.Errorf("this %s: confirm it with --yes=%s", what, want))
	}
	_, _ = fmt.Fprintf(t.streams.Err, "This %s.\nType %q to confirm: ", what, want)
	answered := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(t.streams.In).ReadString('\n') // without an answer it is not confirmed
		answered <- answer
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case answer := <-answered:
		if strings.TrimSpace(answer) != want {
			return usage(errors.New("not confirmed: nothing was done"))
		}
		return nil
	}
}
