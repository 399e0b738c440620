package manager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/envelope"
	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

// Manager is all of an application's tenancy, put together from one Config. It
// is made by [New], and safe for concurrent use.
//
// It makes no ent client: that stays the application's.
//
//	client := ent.NewClient(ent.TenancyDriver(m.Driver()))
type Manager struct {
	config Config
	app    App

	databases databases
	admin     *sql.DB       // for what holds one connection and needs another; no limit
	registry  *sql.DB       // for what requests ask of it
	server    *sql.DB       // on which tenants' databases are made; admin, mostly
	redis     *redis.Client // nil without
	layers    *layers
	serving   *sql.DB // the home, for the tenant of each statement
	system    *sql.DB // the home, for System scopes; nil where serving does that too
	replicas  []*replica
	driver    *driver.Driver

	observer  tenancy.Observer
	audit     *audit.Log                                  // nil without
	collector *metrics.Collector                          // nil without
	behind    atomic.Pointer[metrics.Migrations]          // nil until it was looked at
	migrator  *migrate.Runner                             // nil without migrations
	ready     func(context.Context, tenancy.Tenant) error // nil if any version will do
	lifecycle *Lifecycle
	gate      *middleware.Gate
	limits    *limits
	quotas    *quota.Quotas
	sealer    *envelope.Sealer // nil without
	opener    *envelope.Opener // nil without

	rlsVerified   atomic.Bool // row-level security is relied on, and looked at
	rlsTenantSeen atomic.Bool // a tenant behind it was provisioned or served
	started       atomic.Bool
	background    context.Context // of what runs until Close
	stop          context.CancelFunc
	running       sync.WaitGroup
}

// New puts a Manager together. It fails with a [ConfigError] that names all that
// cannot be meant, and where a part cannot be made. It waits for no connection but
// that to the address of JWT keys: what is in a database is not looked at before
// Start. Until Close it hears in the background, from Redis or PostgreSQL, what other
// processes change in the registry, unless Config.Cache is disabled. Close it in any
// case in which it is returned.
//
// On MySQL and SQLite the program has to import a driver for database/sql.
func New(ctx context.Context, config Config, app App) (*Manager, error) {
	config = config.withDefaults()
	if found := append(config.problems(), app.problems(ctx, config)...); len(found) > 0 {
		return nil, &ConfigError{Problems: found}
	}
	if app.Logger == nil {
		app.Logger = slog.Default()
	}
	app.Logger = panicked.Logger(app.Logger) // it is called in goroutines in which nobody could recover
	m := &Manager{config: config, app: app}
	m.background, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	for _, open := range []func(context.Context) error{
		m.openRegistry, m.openObserver, m.openMigrator, m.openDriver, m.openLifecycle, m.openLimits, m.openGate, m.openEnvelopes,
	} {
		if err := open(ctx); err != nil {
			return nil, errors.Join(err, m.Close()) //nolint:contextcheck // what was made is closed in any case
		}
	}
	return m, nil
}

// Driver is what the application's ent client is made with:
// ent.NewClient(ent.TenancyDriver(m.Driver())).
func (m *Manager) Driver() *driver.Driver { return m.driver }

// Store is the registry, as all who look up or change tenants have to reach it:
// through its caches.
func (m *Manager) Store() registry.Store { return m.layers.top }

// Domains are the domains that tenants have brought along, which strategy host
// goes by unless there are App.Domains. Change them here: below, caches would
// not know of it.
func (m *Manager) Domains() registry.DomainStore { return m.layers.domains }

// Lifecycle makes tenants and sees them through their life.
func (m *Manager) Lifecycle() *Lifecycle { return m.lifecycle }

// Migrator migrates all tenants. It is nil where no migrations were given.
func (m *Manager) Migrator() *migrate.Runner { return m.migrator }

// Handler runs next for requests of active tenants, with the tenant in the
// context, as package middleware says.
func (m *Manager) Handler(next http.Handler) http.Handler { return m.gate.Handler(next) }

// Gate is what Handler decides with, for adapters to other frameworks.
func (m *Manager) Gate() *middleware.Gate { return m.gate }

// Audit records what somebody does. It is nil where Config.Audit is disabled.
func (m *Manager) Audit() *audit.Log { return m.audit }

// Limits holds tenants to their rate limits, as Handler does. It is nil without
// Config.RateLimit.
func (m *Manager) Limits() *ratelimit.Tenants { return m.limits.tenants }

// Quotas holds tenants to App.Quotas.
func (m *Manager) Quotas() *quota.Quotas { return m.quotas }

// Sealer carries tenants into queues. It is nil without Config.Envelope.Key.
func (m *Manager) Sealer() *envelope.Sealer { return m.sealer }

// Opener takes tenants out of queues. It is nil without Config.Envelope.Key.
func (m *Manager) Opener() *envelope.Opener { return m.opener }

// Provision makes a tenant, as [Lifecycle.Provision] does, and leaves it with
// Config.Tenants.DefaultStatus.
func (m *Manager) Provision(ctx context.Context, n registry.NewTenant) (tenancy.Tenant, error) {
	return m.lifecycle.Provision(ctx, n)
}

// ErrRegistrationClosed means that strangers cannot become tenants here.
var ErrRegistrationClosed = errors.New("manager: registration is closed")

// Register is Provision for strangers who sign up. It fails with
// [ErrRegistrationClosed] unless Config.Tenants.AllowRegistration is set, and
// lets nobody choose an isolation: that is Config.Isolation.Default, whatever premium
// plan or identifier the stranger names, or what App.Isolation says.
//
// Plan and Metadata are kept as they are given, and limits and quotas may go by them:
// a program that takes them from a stranger has to see what is in them.
func (m *Manager) Register(ctx context.Context, n registry.NewTenant) (tenancy.Tenant, error) {
	if !m.config.Tenants.AllowRegistration {
		return tenancy.Tenant{}, fmt.Errorf("%w: set %s", ErrRegistrationClosed, envOf("Tenants.AllowRegistration"))
	}
	if n.Isolation != "" || n.ID != "" {
		return tenancy.Tenant{}, fmt.Errorf("%w: who registers chooses neither isolation nor id", tenancy.ErrInvalidTenant)
	}
	if m.app.Isolation == nil {
		n.Isolation = m.config.Isolation.Default
	}
	return m.Provision(ctx, n)
}

// closeTimeout is how long Close waits for the audit.
const closeTimeout = 10 * time.Second

// Close ends what runs, records what the audit still has, and closes every
// connection. It may be called more than once.
func (m *Manager) Close() error {
	m.started.Store(false)
	m.stop()
	m.running.Wait()
	var err error
	if m.audit != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		err = m.audit.Close(ctx)
	}
	if m.driver != nil {
		err = errors.Join(err, m.driver.Close())
	}
	if m.layers != nil {
		m.layers.close()
	}
	if m.redis != nil {
		err = errors.Join(err, m.redis.Close())
	}
	for _, db := range []*sql.DB{m.server, m.registry, m.admin} {
		if db != nil {
			err = errors.Join(err, db.Close())
		}
	}
	return err
}
