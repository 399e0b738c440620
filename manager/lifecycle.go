package manager

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/registry"
)

// Lifecycle makes tenants, and sees them through their life. It is made by
// [NewLifecycle], and safe for concurrent use by any number of processes if
// LifecycleConfig.Lock is.
//
// Its calls need no tenant in their context. They wait for what else is done to
// the same tenant, and go by what it is then: they read past the registry's caches.
type Lifecycle struct {
	config  LifecycleConfig
	current registry.Store // without caches, to read
	taken   chan struct{}  // told when a spare was taken
}

// NewLifecycle returns the Lifecycle of a configuration. It does not connect. It
// fails where the configuration cannot be meant, and names the field.
func NewLifecycle(config LifecycleConfig) (*Lifecycle, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config.setDefaults()
	return &Lifecycle{config: config, current: registry.Uncached(config.Store), taken: make(chan struct{}, 1)}, nil
}

// Suspend refuses an active tenant's requests until it is activated. It fails
// with tenancy.ErrInvalidTransition in any other status, and with
// tenancy.ErrNotFound where there is no such tenant.
func (l *Lifecycle) Suspend(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return l.change(ctx, ActionSuspend, id, tenancy.StatusSuspended)
}

// Activate serves a suspended tenant again. It fails with
// tenancy.ErrNotProvisioned if the tenant's place was never finished, for which
// there is Resume, with tenancy.ErrInvalidTransition in any other status and if an
// erasure was begun, and with tenancy.ErrNotFound where there is no such tenant.
func (l *Lifecycle) Activate(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return l.change(ctx, ActionActivate, id, tenancy.StatusActive)
}

// Delete is the soft one: the tenant is gone for its users, and everything it
// has is kept until Erase. It fails with tenancy.ErrInvalidTransition for a
// tenant that is deleted already, and with tenancy.ErrNotFound where there is none.
func (l *Lifecycle) Delete(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return l.change(ctx, ActionDelete, id, tenancy.StatusDeleted)
}

// Restore takes a Delete back. The tenant is suspended then, and Activate serves
// it again. Migrations have left it out meanwhile: its own schema or database is brought up
// to date first, by LifecycleConfig.Migrations if there are any. Where that fails, such as
// with tenancy.ErrNotProvisioned for a place that is gone, the tenant stays deleted. It
// fails with tenancy.ErrInvalidTransition for a tenant that is not deleted or whose
// erasure was begun, and with tenancy.ErrNotFound where there is none.
func (l *Lifecycle) Restore(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return l.change(ctx, ActionRestore, id, tenancy.StatusSuspended)
}

// change sets a status.
func (l *Lifecycle) change(ctx context.Context, action Action, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	return l.act(ctx, action, id, func(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
		if err := allowed(action, t, to); err != nil {
			return t, err
		}
		if err := l.before(ctx, action, t); err != nil {
			return t, err
		}
		if action == ActionRestore {
			if err := l.catchUp(ctx, t); err != nil {
				return t, err
			}
		}
		changed, err := l.config.Store.SetStatus(ctx, id, to)
		if err != nil {
			return t, err
		}
		return changed, l.after(ctx, action, changed)
	})
}

// catchUp does the migrations that have left a deleted tenant out. One that was never
// finished is Resume's, and shared tables are migrated without their tenants.
func (l *Lifecycle) catchUp(ctx context.Context, t tenancy.Tenant) error {
	if l.config.Migrations == nil || unfinished(t) {
		return nil
	}
	at, keeper, err := l.placed(t)
	if err != nil || keeper == nil {
		return err
	}
	if _, err := l.config.Migrations.ApplyTo(ctx, at); err != nil {
		return fmt.Errorf("manager: %s stays deleted, since its tables cannot be brought up to date: %w", t, err)
	}
	return nil
}

// allowed reports why an action may not be done to a tenant. The status that it
// leads to does not tell Suspend from Restore.
func allowed(action Action, t tenancy.Tenant, to tenancy.Status) error {
	switch {
	case action == ActionSuspend && t.Status == tenancy.StatusProvisioning:
		return fmt.Errorf("manager: %w: %s is not finished: resume it, or delete it", tenancy.ErrInvalidTransition, t)
	case action == ActionSuspend && t.Status == tenancy.StatusDeleted:
		return fmt.Errorf("manager: %w: %s is deleted: restore it", tenancy.ErrInvalidTransition, t)
	case action == ActionRestore && t.Status != tenancy.StatusDeleted:
		return fmt.Errorf("manager: %w: %s is not deleted", tenancy.ErrInvalidTransition, t)
	case (action == ActionRestore || action == ActionActivate) && erasing(t):
		return halfErased(t)
	case action == ActionActivate && t.Status != tenancy.StatusDeleted && unfinished(t):
		return fmt.Errorf("manager: %w: %s was never finished: resume it", tenancy.ErrNotProvisioned, t)
	default:
		return t.Status.Transition(to)
	}
}

// act does something to a tenant, as nobody else does, and tells the observer.
func (l *Lifecycle) act(
	ctx context.Context, action Action, id tenancy.ID, do func(context.Context, tenancy.Tenant) (tenancy.Tenant, error),
) (tenancy.Tenant, error) {
	return l.observed(ctx, action, tenancy.Tenant{ID: id}, func(t *tenancy.Tenant) error {
		if err := id.Validate(); err != nil {
			return err
		}
		return l.alone(ctx, id, func(ctx context.Context) (err error) {
			found, err := l.current.ByID(ctx, id)
			if err != nil {
				return err
			}
			*t = found
			*t, err = do(ctx, found)
			return err
		})
	})
}

// errUnfinished is what the observer is told of a panic, which goes on to the caller.
var errUnfinished = errors.New("manager: it was broken off by a panic, such as one of a hook")

// observed does something, and tells the observer how it went and with which tenant.
func (l *Lifecycle) observed(ctx context.Context, action Action, t tenancy.Tenant, do func(*tenancy.Tenant) error) (tenancy.Tenant, error) {
	start, err := time.Now(), errUnfinished
	defer func() {
		l.config.Observer.Lifecycle(ctx, tenancy.LifecycleEvent{Action: string(action), Tenant: t, Err: err, Took: time.Since(start)})
	}()
	err = do(&t)
	return t, err
}

// heldBy is the key of a context of somebody who has the lock of a tenant.
type heldBy struct {
	lifecycle *Lifecycle
	id        tenancy.ID
}

// alone does something with the lock of a tenant. Who has it already would wait for itself.
func (l *Lifecycle) alone(ctx context.Context, id tenancy.ID, do func(context.Context) error) error {
	key := heldBy{l, id}
	if ctx.Value(key) != nil {
		return fmt.Errorf("manager: tenant %q: something is being done to it already, by who calls this hook: act on it when that has returned", id)
	}
	unlock, err := l.config.Lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	return do(context.WithValue(ctx, key, true))
}

func (l *Lifecycle) before(ctx context.Context, action Action, t tenancy.Tenant) error {
	return call(ctx, l.config.Hooks[action].Before, t, string(action)+": the hook before")
}

func (l *Lifecycle) after(ctx context.Context, action Action, t tenancy.Tenant) error {
	return call(ctx, l.config.Hooks[action].After, t, string(action)+": the hook after")
}

// call calls a function of the application for a tenant.
func call(ctx context.Context, f func(context.Context, tenancy.Tenant) error, t tenancy.Tenant, what string) error {
	if f == nil {
		return nil
	}
	if err := f(actingFor(ctx, t), t); err != nil {
		return fmt.Errorf("manager: %s: %s: %w", t, what, err)
	}
	return nil
}

// actingFor returns a context that acts for a tenant whatever its status: it is
// this package's business to bring rows of tenants in and out that are not served.
func actingFor(ctx context.Context, t tenancy.Tenant) context.Context {
	t.Status = ""
	return tenancy.NewContext(ctx, t)
}

// placed returns a tenant as all find it who serve it, and the keeper of its
// namespace, nil if it has none. Where nobody would find it, it is where Provision
// would have put it.
func (l *Lifecycle) placed(t tenancy.Tenant) (tenancy.Tenant, namespace.Keeper, error) {
	at, err := driver.Place(t, l.planned)
	if err != nil {
		return t, nil, err
	}
	keeper, err := l.keeper(at)
	return at, keeper, err
}

// planned completes the record of a tenant that does not say where it is.
func (l *Lifecycle) planned(t tenancy.Tenant) (_ tenancy.Tenant, err error) {
	if l.config.Place != nil {
		if t, err = l.config.Place(t); err != nil {
			return t, err
		}
	}
	t.Isolation = cmp.Or(t.Isolation, tenancy.IsolationShared)
	keeper, err := l.keeper(t)
	if err != nil || keeper == nil || !samePlace(t.Placement, tenancy.Placement{}) {
		return t, err
	}
	t.Placement, err = keeper.Plan(t)
	return t, err
}

// keeper returns the keeper of a tenant's namespace, nil if it has none.
func (l *Lifecycle) keeper(t tenancy.Tenant) (namespace.Keeper, error) {
	if t.Isolation == "" || t.Isolation == tenancy.IsolationShared || t.Isolation == tenancy.IsolationRLS {
		return nil, nil
	}
	keeper, ok := l.config.Namespaces[t.Isolation]
	if !ok {
		return nil, fmt.Errorf("manager: %w: %s: nothing makes places of isolation %q: a Manager needs Migrations.Dir or App.Migrations, and a Lifecycle Namespaces for it", tenancy.ErrInvalidPlacement, t, t.Isolation)
	}
	return keeper, stillEncrypted(t)
}

// updateTries is how often a record is changed that others change too.
const updateTries = 5

// update changes a tenant's record, also if others change something else in it.
func (l *Lifecycle) update(ctx context.Context, t tenancy.Tenant, change func(tenancy.Tenant) tenancy.Tenant) (tenancy.Tenant, error) {
	for try := 1; ; try++ {
		changed, err := l.config.Store.Update(ctx, change(t))
		if !errors.Is(err, tenancy.ErrConflict) || try == updateTries {
			return changed, err
		}
		if t, err = l.current.ByID(ctx, t.ID); err != nil {
			return t, err
		}
	}
}
