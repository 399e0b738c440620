package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/manager"
)

// change is what was done to a tenant, as JSON shows it.
type change struct {
	Action  string           `json:"action"`
	DryRun  bool             `json:"dry_run,omitempty"`
	Tenant  tenancy.Tenant   `json:"tenant"`
	From    tenancy.Status   `json:"from,omitempty"`
	To      tenancy.Status   `json:"to,omitempty"`
	Receipt *manager.Receipt `json:"receipt,omitempty"`
	// Holdings are what erasing would remove.
	Holdings []string `json:"holdings,omitempty"`
}

func (t *tool) showChange(c change) error {
	text := tenantName(c.Tenant) + ": "
	if c.DryRun {
		text += "would be: "
	}
	switch {
	case c.From == "":
		text += string(c.To)
	case c.To == "":
		text += string(c.From) + " → gone for good"
	default:
		text += fmt.Sprintf("%s → %s", c.From, c.To)
	}
	return t.print.Emit("change", c, text)
}

// step is a command that gives a tenant another status.
type step struct {
	action manager.Action
	short  string
	from   []tenancy.Status // those that it is for, among those that can become to
	to     tenancy.Status
	asks   string // what it does, if it has to be confirmed
	do     func(*manager.Lifecycle, context.Context, tenancy.ID) (tenancy.Tenant, error)
}

func steps() []step {
	provisioning, active, suspended, deleted := tenancy.StatusProvisioning, tenancy.StatusActive, tenancy.StatusSuspended, tenancy.StatusDeleted
	return []step{
		{manager.ActionSuspend, "Refuse a tenant's requests until it is activated", []tenancy.Status{active}, suspended, "", (*manager.Lifecycle).Suspend},
		{manager.ActionActivate, "Serve a suspended tenant again", []tenancy.Status{suspended}, active, "", (*manager.Lifecycle).Activate},
		{
			manager.ActionDelete, "Take a tenant out of service, and keep all it has until it is erased",
			[]tenancy.Status{provisioning, active, suspended},
			deleted, "takes the tenant away from its users", (*manager.Lifecycle).Delete,
		},
		{manager.ActionRestore, "Take a delete back; the tenant is suspended then", []tenancy.Status{deleted}, suspended, "", (*manager.Lifecycle).Restore},
		{actionResume, "Go on with a tenant whose provisioning has failed or was interrupted", []tenancy.Status{provisioning}, active, "", (*manager.Lifecycle).Resume},
	}
}

// actionResume is the rest of a provisioning.
const actionResume manager.Action = "resume"

// stepCommand returns the command of a step.
func (t *tool) stepCommand(s step) *cobra.Command {
	var yes string
	cmd := t.oneTenant(&cobra.Command{Use: string(s.action), Short: s.short}, func(ctx context.Context, a *app.App, tenant tenancy.Tenant) error {
		if err := s.allowed(tenant); err != nil {
			return err
		}
		if t.dryRun {
			return t.showChange(change{Action: string(s.action), DryRun: true, Tenant: tenant, From: tenant.Status, To: s.to})
		}
		if s.asks != "" {
			if err := t.confirm(ctx, tenant, yes, s.asks); err != nil {
				return err
			}
		}
		life, err := t.lifecycle(ctx, a, s, tenant)
		if err != nil {
			return err
		}
		changed, err := s.do(life, context.WithoutCancel(ctx), tenant.ID) // what is begun is finished
		if err != nil {
			return err
		}
		return t.showChange(change{Action: string(s.action), Tenant: changed, From: tenant.Status, To: changed.Status})
	})
	if s.asks != "" {
		confirming(cmd, &yes)
	}
	return t.writes(cmd)
}

// lifecycle returns the lifecycle for a step. Resuming touches the tenant's place, and
// restoring migrates it if it is its own.
func (t *tool) lifecycle(ctx context.Context, a *app.App, s step, tenant tenancy.Tenant) (*manager.Lifecycle, error) {
	if s.action == actionResume || s.action == manager.ActionRestore && a.OwnPlace(tenant) {
		return a.Lifecycle(ctx, tenant)
	}
	return a.Statuses(), nil
}

// allowed reports why a step may not be taken, as the lifecycle would, and which one may.
func (s step) allowed(t tenancy.Tenant) error {
	_, unfinished := t.MetadataValue(manager.ProvisioningKey) // and deleted and restored since, if it is suspended
	resumable := unfinished && t.Status == tenancy.StatusSuspended
	switch {
	case resumable && s.action == actionResume:
		return nil
	case resumable && s.action == manager.ActionActivate:
		return fmt.Errorf("%w: %s %q: it was never finished: resume it", tenancy.ErrNotProvisioned, s.action, tenantName(t))
	case slices.Contains(s.from, t.Status):
		return nil
	}
	return fmt.Errorf("%w: %s %q: it is %s, and has to be %s%s", tenancy.ErrInvalidTransition, s.action, tenantName(t), t.Status, joined(s.from), s.instead(t))
}

// instead says what leads on where a step does not.
func (s step) instead(t tenancy.Tenant) string {
	switch {
	case t.Status == tenancy.StatusProvisioning:
		return ": resume it, or delete it"
	case t.Status == tenancy.StatusDeleted && s.to != t.Status:
		return ": restore it"
	default:
		return ""
	}
}

func (t *tool) eraseCommand() *cobra.Command {
	var yes string
	cmd := t.oneTenant(&cobra.Command{
		Use:   "erase",
		Short: "Remove a tenant for good: its schema, database or rows, and its record",
		Long: "There is no way back. The receipt says what was erased. What an application keeps\n" +
			"elsewhere, such as files and logs, is not touched.",
	}, func(ctx context.Context, a *app.App, tenant tenancy.Tenant) error {
		if t.dryRun {
			return t.wouldErase(ctx, a, tenant)
		}
		if err := t.confirm(ctx, tenant, yes, "erases the tenant and all its data for good"); err != nil {
			return err
		}
		life, err := a.Erasing(ctx, tenant)
		if err != nil {
			return err
		}
		receipt, err := life.Erase(context.WithoutCancel(ctx), tenant.ID) // what is begun is finished
		if err != nil {
			return err
		}
		if err := t.showChange(change{Action: string(manager.ActionErase), Tenant: tenant, From: tenant.Status, Receipt: &receipt}); err != nil {
			return err
		}
		return t.showReceipt(receipt)
	})
	return t.writes(confirming(cmd, &yes))
}

func (t *tool) showReceipt(r manager.Receipt) error {
	lines := []string{"erased at " + at(r.ErasedAt), "receipt " + r.Digest}
	switch {
	case r.Dropped:
		lines = append(lines, "dropped "+r.Namespace)
	case r.Namespace != "":
		lines = append(lines, r.Namespace+" was not there, and nothing was dropped")
	}
	for _, rows := range r.Rows {
		lines = append(lines, fmt.Sprintf("deleted %d rows of %s", rows.Rows, rows.Table))
	}
	for _, line := range lines {
		if err := t.print.Text("  %s", line); err != nil {
			return err
		}
	}
	return nil
}

// wouldErase says what erasing would take. Nobody looks whether it is still there.
func (t *tool) wouldErase(ctx context.Context, a *app.App, tenant tenancy.Tenant) error {
	what, err := a.Holdings(ctx, tenant)
	if err != nil {
		return err
	}
	if err := t.showChange(change{Action: string(manager.ActionErase), DryRun: true, Tenant: tenant, From: tenant.Status, Holdings: what}); err != nil {
		return err
	}
	for _, one := range what {
		if err := t.print.Text("  would be erased, as far as it is there: %s", one); err != nil {
			return err
		}
	}
	return nil
}
