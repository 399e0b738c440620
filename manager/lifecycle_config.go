package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// LifecycleConfig says where tenants come to live, and what else is to happen
// when something becomes of one.
type LifecycleConfig struct {
	// Store is the registry: the topmost store, so that caches hear of changes. What a
	// tenant is when something is done to it is read by [registry.Uncached]. Required.
	Store registry.Store

	// Namespaces are the keepers of tenants' schemas and databases, by isolation.
	// tenancy.IsolationShared and tenancy.IsolationRLS have none. Defaults to none:
	// tenants of other isolations are refused with tenancy.ErrInvalidPlacement.
	Namespaces map[tenancy.Isolation]namespace.Keeper

	// Isolation says which isolation a new tenant gets, such as one by its Plan,
	// if its NewTenant does not say so itself. An empty one is that of
	// DefaultIsolation. Defaults to DefaultIsolation for all.
	Isolation func(n registry.NewTenant) (tenancy.Isolation, error)

	// DefaultIsolation is that of tenants for which nothing else is said.
	// Defaults to tenancy.IsolationShared.
	DefaultIsolation tenancy.Isolation

	// Place says where a tenant is whose record does not: the Place method or the
	// Config.Place of the application's driver. Whom nobody has placed is given a
	// namespace by Resume, which writes it down. Defaults to what the record says, and
	// shared tables where it says nothing.
	Place func(tenancy.Tenant) (tenancy.Tenant, error)

	// Status is that of a tenant whose provisioning has come to its end: active, or
	// suspended if somebody has to look at it first. Defaults to tenancy.StatusActive.
	Status tenancy.Status

	// Migrations bring the tables of a new namespace up to date. Its home's own
	// tables are not migrated by a sign-up. Required where there are Namespaces.
	Migrations *migrate.Runner

	// Verify looks at a tenant's place once its tables are there, and keeps it from
	// being served with an error. The context acts for the tenant. [VerifyPostgres]
	// makes one. Defaults to none: what is looked at is the namespace's mark and
	// its grants.
	Verify func(ctx context.Context, t tenancy.Tenant) error

	// Shared are the tables of tenants without a namespace. Provision leaves such a
	// tenant provisioning, with tenancy.ErrNotProvisioned, while one of them is missing.
	// Defaults to none: nobody looks for them, and erasing such a tenant fails.
	Shared SharedTables

	// EraseWait is how long Erase waits on PostgreSQL, before it deletes rows from
	// shared tables, for transactions that are under way, since they may write
	// more of them. Defaults to 30 seconds.
	EraseWait time.Duration

	// Disconnect closes what this process has open to the place of a tenant, such as
	// driver.Driver.Forget. Erase calls it before the namespace is dropped, and at the
	// end, for who has come back in between. It has to bear being called again.
	// Defaults to none.
	Disconnect func(ctx context.Context, id tenancy.ID) error

	// Forget removes what else is kept of a tenant that is erased, such as the
	// counters of a quota.Store. Each has to bear being called again. Defaults to none.
	Forget []func(ctx context.Context, id tenancy.ID) error

	// Hooks are called around what becomes of a tenant. Defaults to none.
	Hooks map[Action]Hook

	// Lock keeps others from a tenant meanwhile. Where several processes change
	// tenants, it has to reach all of them: namespace.PostgresLocker, namespace.MySQLLocker.
	// Defaults to namespace.NewLocker, which is for one process.
	Lock namespace.Locker

	// Spares keeps namespaces ready. Defaults to none.
	Spares SparesConfig

	// Observer is told of everything that was done or tried. Defaults to none.
	Observer tenancy.LifecycleObserver

	// Logger is told of what nobody waits for: errors that could not be kept with
	// the tenant, and those of making spares. Defaults to none.
	Logger *slog.Logger
}

// SharedTables are the tables in which all tenants without a namespace of their
// own have their rows. One with a namespace may have left rows there, such as before it was
// moved: Erase deletes these too, in those of the tables that the home has.
type SharedTables struct {
	// Driver reaches them: the application's, which holds it to the tenant whose
	// rows are deleted. Where its driver.Config.Ready refuses the home, it keeps
	// tenants from being erased.
	Driver dialect.Driver
	// Metadata is the generated migrate.Tenancy, which says which tables these are.
	Metadata schema.Metadata
}

// Hook is called around an action. The context acts for the tenant, whatever its
// status, so that an ent client reaches the tenant's rows and no others. Its
// errors are passed on as they are, wrapped, and its panics go on to the caller.
//
// It is called under the tenant's lock. A call of the same [Lifecycle] for the same
// tenant, with the hook's context, fails; with another context it would wait for ever.
type Hook struct {
	// Before is called first. An error of it refuses the action. For [ActionErase] the
	// tenant is deleted by then, and stays so: what it exports does not change behind
	// it, but for requests that had begun. It is called for tenants too whose
	// provisioning was never finished, and that may have no tables.
	Before func(ctx context.Context, t tenancy.Tenant) error
	// After is called at the end. For [ActionProvision] the tables are there and
	// the tenant is not served yet: this is where the first rows are written. If it
	// fails, the tenant stays as it is and can be resumed, so After has to bear
	// being called again. After other actions the change is made already, and an
	// error is reported only.
	After func(ctx context.Context, t tenancy.Tenant) error
}

// Action is something that becomes of a tenant, and the name of it in a
// tenancy.LifecycleEvent.
type Action string

// The actions.
const (
	// ActionProvision is Provision's and Resume's.
	ActionProvision Action = "provision"
	ActionSuspend   Action = "suspend"
	ActionActivate  Action = "activate"
	ActionDelete    Action = "delete"
	ActionRestore   Action = "restore"
	ActionErase     Action = "erase"
)

func (c *LifecycleConfig) validate() error {
	if c.Store == nil {
		return errors.New("manager: LifecycleConfig.Store is missing")
	}
	if err := c.DefaultIsolation.Validate(); err != nil {
		return fmt.Errorf("manager: LifecycleConfig.DefaultIsolation: %w", err)
	}
	if c.Status != "" && c.Status != tenancy.StatusActive && c.Status != tenancy.StatusSuspended {
		return fmt.Errorf("manager: LifecycleConfig.Status: %w: it has to be active or suspended", tenancy.ErrInvalidTenant)
	}
	for isolation, keeper := range c.Namespaces {
		switch {
		case isolation != tenancy.IsolationSchema && isolation != tenancy.IsolationDatabase:
			return fmt.Errorf("manager: LifecycleConfig.Namespaces: tenants with isolation %q have no namespace", isolation)
		case keeper == nil:
			return fmt.Errorf("manager: LifecycleConfig.Namespaces[%q] is nil", isolation)
		case c.Migrations == nil:
			return errors.New("manager: LifecycleConfig.Migrations is missing, and there are Namespaces")
		}
	}
	for action := range c.Hooks {
		switch action {
		case ActionProvision, ActionSuspend, ActionActivate, ActionDelete, ActionRestore, ActionErase:
		default:
			return fmt.Errorf("manager: LifecycleConfig.Hooks: unknown action %q", action)
		}
	}
	if c.EraseWait < 0 {
		return errors.New("manager: LifecycleConfig.EraseWait is negative")
	}
	if (c.Shared.Driver == nil) != (len(c.Shared.Metadata.Tables) == 0) {
		return errors.New("manager: LifecycleConfig.Shared needs both a Driver and Metadata")
	}
	return c.Spares.validate(c.Namespaces)
}

func (c *LifecycleConfig) setDefaults() {
	if c.DefaultIsolation == "" {
		c.DefaultIsolation = tenancy.IsolationShared
	}
	if c.Status == "" {
		c.Status = tenancy.StatusActive
	}
	if c.EraseWait == 0 {
		c.EraseWait = 30 * time.Second
	}
	if c.Lock == nil {
		c.Lock = namespace.NewLocker()
	}
	if c.Observer == nil {
		c.Observer = tenancy.NopObserver{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}
