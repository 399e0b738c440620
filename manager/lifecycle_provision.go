package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/registry"
)

// ProvisioningKey is the key of a tenant's metadata that says how far its
// provisioning has come: an object with "step", and after a failure "error" and
// "at". It is there until the tenant is active for the first time.
const ProvisioningKey = "tenancy_provisioning"

// The steps of provisioning, as ProvisioningKey names them.
const (
	stepBegun     = "begun"
	stepNamespace = "namespace"
	stepMigrate   = "migrate"
	stepVerify    = "verify"
	stepHook      = "hook"
	stepActivate  = "activate"
)

// Provision makes a tenant: its record, its place with its tables, its first
// rows by the hook, and serves it. It fails as registry.Store's Create does, and
// before anything is written with tenancy.ErrInvalidPlacement for an isolation that
// nobody keeps, for one that SharedTables.Metadata says the generated client cannot
// serve, and for a NewTenant with a Placement or Status of its own: both are
// what Provision is for. An ID that a tenant column of SharedTables.Metadata cannot
// hold is tenancy.ErrInvalidID: where that holds integers, the NewTenant needs an ID,
// since what is made without one is a UUID.
//
// From the moment that the record is there, a failure leaves the tenant with
// tenancy.StatusProvisioning and says with [ProvisioningKey] what has failed. What
// was made until then is kept, has the tenant's mark, and is what Resume goes on
// with; Erase gets rid of it. The tenant is returned with the error then. A crash
// leaves the same.
func (l *Lifecycle) Provision(ctx context.Context, n registry.NewTenant) (tenancy.Tenant, error) {
	begun := tenancy.Tenant{ID: n.ID, Identifier: n.Identifier, Name: n.Name}
	return l.observed(ctx, ActionProvision, begun, func(t *tenancy.Tenant) error {
		planned, err := l.plan(n)
		if err != nil {
			return err
		}
		t.ID, t.Isolation, t.Placement, t.Plan = planned.ID, planned.Isolation, planned.Placement, planned.Plan
		return l.alone(ctx, planned.ID, func(ctx context.Context) error {
			if err := l.before(ctx, ActionProvision, *t); err != nil {
				return err
			}
			created, err := l.config.Store.Create(ctx, planned)
			if err != nil {
				return err
			}
			*t = created
			*t, err = l.finish(ctx, created)
			return err
		})
	})
}

// plan completes a new tenant with its id, isolation and place.
func (l *Lifecycle) plan(n registry.NewTenant) (registry.NewTenant, error) {
	if n.Placement.Schema != "" || !n.Placement.DatabaseURL.IsZero() || n.Status != "" {
		return n, fmt.Errorf("manager: %w: leave the Placement and the Status of a NewTenant to Provision", tenancy.ErrInvalidPlacement)
	}
	if err := n.Validate(); err != nil {
		return n, err
	}
	for _, complete := range []func(*registry.NewTenant) error{l.identify, l.isolate, l.locate} {
		if err := complete(&n); err != nil {
			return n, err
		}
	}
	n.Metadata = begunMetadata(n.Metadata)
	return n, nil
}

// identify gives a new tenant an id if it has none.
func (l *Lifecycle) identify(n *registry.NewTenant) error {
	if n.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return fmt.Errorf("manager: making an id: %w", err)
		}
		n.ID = tenancy.ID(id.String())
	}
	return holdable(n.ID, l.config.Shared.Metadata.Tables)
}

// isolate gives a new tenant its isolation if it has none.
func (l *Lifecycle) isolate(n *registry.NewTenant) (err error) {
	if n.Isolation == "" && l.config.Isolation != nil {
		if n.Isolation, err = l.config.Isolation(*n); err != nil {
			return fmt.Errorf("manager: LifecycleConfig.Isolation: %w", err)
		}
	}
	n.Isolation = cmp.Or(n.Isolation, l.config.DefaultIsolation)
	return nil
}

// locate says where the namespace of a new tenant will be, if it gets one.
func (l *Lifecycle) locate(n *registry.NewTenant) error {
	t := tenancy.Tenant{ID: n.ID, Identifier: n.Identifier, Isolation: n.Isolation}
	keeper, err := l.keeper(t)
	if err != nil {
		return err
	}
	if err := l.servable(t); err != nil || keeper == nil {
		return err
	}
	n.Placement, err = keeper.Plan(t)
	return err
}

// begunMetadata is the metadata of a new tenant, and that its provisioning has begun.
func begunMetadata(of map[string]any) map[string]any {
	metadata := map[string]any{ProvisioningKey: map[string]any{"step": stepBegun}}
	for key, value := range of {
		if key != ProvisioningKey && key != erasingKey { // which are this package's to say
			metadata[key] = value
		}
	}
	return metadata
}

// servable refuses a tenant whose place the generated client cannot serve.
func (l *Lifecycle) servable(t tenancy.Tenant) error {
	shared := l.config.Shared
	if shared.Driver == nil {
		return nil
	}
	if reason := unplaced(shared.Metadata, shared.Driver.Dialect(), t.Isolation); reason != "" {
		return fmt.Errorf("manager: %w: %s: its isolation %s", tenancy.ErrInvalidPlacement, t, reason)
	}
	return nil
}

// Resume goes on with a tenant whose provisioning has failed or was interrupted.
// Each step is looked at, and done if it was not. A tenant that was put into the
// registry without a place gets one, if its isolation has any. It fails with
// tenancy.ErrInvalidTransition for a tenant that is finished or deleted or whose
// erasure was begun, and with tenancy.ErrNotFound where there is none.
func (l *Lifecycle) Resume(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return l.act(ctx, ActionProvision, id, func(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
		if t.Status != tenancy.StatusProvisioning && (t.Status != tenancy.StatusSuspended || !unfinished(t)) {
			return t, fmt.Errorf("manager: %w: there is nothing to resume of %s, whose status is %q", tenancy.ErrInvalidTransition, t, t.Status)
		}
		if erasing(t) {
			return t, halfErased(t)
		}
		if err := l.before(ctx, ActionProvision, t); err != nil {
			return t, err
		}
		return l.finish(ctx, t)
	})
}

// unfinished reports whether a tenant's provisioning has yet to end.
func unfinished(t tenancy.Tenant) bool {
	_, ok := t.MetadataValue(ProvisioningKey)
	return ok || t.Status == tenancy.StatusProvisioning
}

// finish does all steps after the record, and keeps the error of the one that fails.
func (l *Lifecycle) finish(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	p := &provisioning{Lifecycle: l, tenant: t, step: stepBegun}
	err := p.run(ctx)
	if err == nil {
		return p.tenant, nil
	}
	kept, keepErr := l.config.Store.MergeMetadata(context.WithoutCancel(ctx), t.ID, map[string]any{
		ProvisioningKey: map[string]any{"step": p.step, "error": shortened(err.Error()), "at": time.Now().UTC().Format(time.RFC3339)},
	})
	if errors.Is(keepErr, tenancy.ErrNotFound) {
		p.cleanUp(ctx) // nobody can resume what has no record
		return p.tenant, errors.Join(err, keepErr)
	}
	if keepErr != nil {
		l.config.Logger.ErrorContext(ctx, "manager: the error of provisioning could not be kept", "tenant", t, "step", p.step, "error", err, "because", keepErr)
		return p.tenant, err
	}
	return kept, err
}

// longestError is as much of an error as is kept.
const longestError = 1000

func shortened(text string) string {
	if len(text) > longestError {
		text = text[:longestError]
		for !utf8.ValidString(text) {
			text = text[:len(text)-1]
		}
	}
	return text
}

// provisioning is one attempt to finish a tenant.
type provisioning struct {
	*Lifecycle

	tenant tenancy.Tenant // as its record is
	at     tenancy.Tenant // with its place
	step   string         // that is being done
	keeper namespace.Keeper
	made   namespace.Made
}

func (p *provisioning) run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{stepNamespace, p.makeNamespace},
		{stepMigrate, p.migrate},
		{stepVerify, p.verify},
		{stepHook, func(ctx context.Context) error { return p.after(ctx, ActionProvision, p.tenant) }},
		{stepActivate, p.activate},
	} {
		p.step = step.name
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := step.do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// makeNamespace makes the namespace where the tenant is, and tells the record
// where nobody would find it, or if it has become another.
func (p *provisioning) makeNamespace(ctx context.Context) (err error) {
	if p.at, p.keeper, err = p.placed(p.tenant); err != nil || p.keeper == nil {
		return err
	}
	if err := p.servable(p.at); err != nil { // whom another program has put into the registry
		return err
	}
	if _, err := driver.Place(p.tenant, p.config.Place); err != nil {
		if err := p.pin(ctx, p.at.Placement); err != nil {
			return err
		}
	}
	if p.made, err = p.keeper.Make(ctx, p.at, p.spareVersion()); err != nil {
		return err
	}
	if p.made.Version != "" {
		p.spareTaken()
	}
	if samePlace(p.made.Placement, p.at.Placement) {
		return nil
	}
	return p.pin(ctx, p.made.Placement)
}

// pin writes down where the tenant's namespace is.
func (p *provisioning) pin(ctx context.Context, place tenancy.Placement) (err error) {
	p.tenant, err = p.update(ctx, p.tenant, func(t tenancy.Tenant) tenancy.Tenant {
		t.Isolation, t.Placement = p.at.Isolation, place
		return t
	})
	if err == nil {
		p.at = p.tenant
	}
	return err
}

func samePlace(a, b tenancy.Placement) bool {
	return a.Schema == b.Schema && a.DatabaseURL.Equal(b.DatabaseURL)
}

// migrate makes the tables, unless a spare has them. One that was taken before this
// process was deployed may have those of the program before.
func (p *provisioning) migrate(ctx context.Context) error {
	if p.keeper == nil || p.made.Version != "" && p.made.Version == p.spareVersion() {
		return nil
	}
	if _, err := p.config.Migrations.ApplyTo(ctx, p.at); err != nil {
		return err
	}
	_, err := p.keeper.Make(ctx, p.at, "") // which takes the record of migrations from who serves requests
	return err
}

func (p *provisioning) verify(ctx context.Context) error {
	var err error
	if p.keeper != nil {
		err = p.keeper.Verify(ctx, p.at)
	} else {
		err = (&sharedRows{p.config.Shared, p.at}).there(ctx)
	}
	if err != nil {
		return err
	}
	return call(ctx, p.config.Verify, p.at, "LifecycleConfig.Verify")
}

// activate is one step with the record's last word on provisioning: who has to be
// looked at first is not served in between. A status that somebody has set meanwhile stays.
func (p *provisioning) activate(ctx context.Context) (err error) {
	begun := p.tenant.Status
	p.tenant, err = p.update(ctx, p.tenant, func(t tenancy.Tenant) tenancy.Tenant {
		metadata := t.Metadata()
		delete(metadata, ProvisioningKey)
		t = t.WithMetadata(metadata)
		if t.Status == begun {
			t.Status = p.config.Status
		}
		return t
	})
	if err == nil && p.tenant.Status == tenancy.StatusDeleted {
		err = fmt.Errorf("manager: %w: %s was deleted meanwhile", tenancy.ErrInvalidTransition, p.tenant)
	}
	return err
}

// cleanUp drops what this attempt has made for a tenant that was erased meanwhile.
func (p *provisioning) cleanUp(ctx context.Context) {
	if p.keeper == nil || !p.made.New {
		return
	}
	if _, err := p.keeper.Drop(context.WithoutCancel(ctx), p.at); err != nil {
		p.config.Logger.ErrorContext(ctx, "manager: the namespace of an erased tenant could not be dropped", "tenant", p.tenant, "error", err)
	}
}
