package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// Config says what is migrated, and how.
type Config struct {
	// Directory holds the migrations of tenants' tables. Required.
	Directory *Directory

	// Shared holds the migrations of all tables in the home's own schema: the
	// global ones, and those of tenants in shared tables. It is applied first, and
	// if that fails no tenant is tried. Defaults to none: then Directory is applied
	// to the home's own schema, if a tenant lives there.
	Shared *Directory

	// Home is the database with the shared tables and the tenants' schemas, as the
	// role that owns them. On PostgreSQL it has to be opened with the driver of
	// pgx' stdlib, and not with driver/postgres' connector, which is for tenants. It
	// may be behind PgBouncer in transaction mode, without prepared statements
	// (default_query_exec_mode=exec), as long as no file is outside of transactions:
	// such a one is ErrPooler. Required.
	Home *sql.DB

	// HomeSchema is the PostgreSQL schema of the home's own tables, and of those of
	// tenants with a database of their own. Defaults to "public". On other
	// databases it must be empty.
	HomeSchema string

	// Tenants goes through all tenants, in an order that does not change, and holds
	// a page of them at a time, as registry.All does. It is called several times
	// in a run: at its end for tenants that were created or changed meanwhile, as
	// CreatedAt and UpdatedAt say, or whose CreatedAt is zero. An error that comes
	// with a tenant's ID is that tenant's; another one ends the run. Required,
	// except for ApplyTo and Repair.
	Tenants func(ctx context.Context) iter.Seq2[tenancy.Tenant, error]

	// Place says where a tenant is, for those whose record does not: the Place
	// method or the Config.Place of the application's driver.
	// Defaults to what the record says, and shared tables where it says nothing.
	Place func(tenancy.Tenant) (tenancy.Tenant, error)

	// Find reads a tenant's record again. It is asked where a tenant's schema is
	// not there, and says with tenancy.ErrNotFound, or a status, that it does not
	// have to be. Defaults to none: a schema that this run has looked at, and that is
	// not there any more, is taken for that of a deleted tenant. Where tenants are
	// erased while others are migrated, set it: not all are looked at before.
	Find func(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error)

	// Open says how to reach a tenant's own database as the role that owns it. It
	// must not connect, and must not make a database that is not there, as SQLite
	// does without mode=rw: where it can tell, it fails with tenancy.ErrNotProvisioned. Not used for tenants in the home.
	// Defaults, on PostgreSQL, to the URL in Placement.DatabaseURL; otherwise to none.
	Open func(ctx context.Context, t tenancy.Tenant) (Database, error)

	// Statuses are those of the tenants that are migrated. A tenant without a
	// status counts as active. Defaults to all but tenancy.StatusDeleted.
	Statuses []tenancy.Status

	// ToVersion is the last version that is applied, and that Plan and Status tell of:
	// that of a file in Directory or Shared. Places that are beyond it stay there, and those
	// that have nothing and would begin with a later checkpoint have failed. What
	// Drift compares, and Requires, Baseline and Repair do, is as without it. Defaults to
	// the last that there is.
	ToVersion string

	// Concurrency is how many tenants on one server are migrated at once. More than
	// the server has cores makes it slower. Defaults to the machine's, up to 4.
	Concurrency int

	// LockTimeout is how long a statement waits for a lock, on MySQL and MariaDB in
	// whole seconds. Three times that, the tenant has failed. What works CONCURRENTLY on
	// PostgreSQL waits for as long as it takes. Defaults to 2 seconds. On SQLite the
	// driver's busy timeout decides.
	LockTimeout time.Duration

	// StatementTimeout is how long a statement may take on PostgreSQL, unless its
	// file is outside of transactions. Defaults to what the server has set.
	StatementTimeout time.Duration

	// LockWait is how long a run waits for the Atlas CLI or, on MySQL, for another
	// run, and for tenants that another run is at: at the end of each wave, and of the
	// run. Then they have failed. Defaults to 10 seconds.
	LockWait time.Duration

	// Waves are which tenants go first; those that are in none go last. A wave begins
	// when the one before has ended without a failure: those that another run is at are
	// waited for. Nor does it begin where all of the one before were skipped. A wave that
	// nobody is in holds up nobody. Defaults to none.
	Waves []Wave

	// MaxFailures is after how many failures no more tenants are begun.
	// Defaults to 0, which is never.
	MaxFailures int

	// MaxFailureRate is the same as a part of the tenants that were tried, between
	// 0 and 1, once 20 were. Defaults to 0, which is never.
	MaxFailureRate float64

	// OnResult is called with each tenant's result, one at a time, when it is final.
	OnResult func(Result)

	// Logger is told of tries that are repeated. Defaults to none.
	Logger *slog.Logger
}

// Wave is a part of the tenants that is migrated before others, such as a canary.
type Wave struct {
	Name  string
	Match func(tenancy.Tenant) bool
}

// Database is a tenant's own database.
type Database struct {
	// DB reaches it. The runner closes it.
	DB *sql.DB
	// Server names the server that it is on: databases of the same name share one
	// Config.Concurrency. It must hold no secret.
	Server string
}

// withDefaults returns the configuration with its defaults, or says what is wrong with it.
func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Directory == nil:
		return c, errors.New("migrate: Config.Directory is missing")
	case c.Home == nil:
		return c, errors.New("migrate: Config.Home is missing")
	case c.Shared != nil && c.Shared.dialect != c.Directory.dialect:
		return c, errors.New("migrate: Config.Shared is of another dialect than Config.Directory")
	case c.HomeSchema != "" && c.Directory.dialect != dialect.Postgres:
		return c, fmt.Errorf("migrate: Config.HomeSchema is for PostgreSQL and must be empty on %s", c.Directory.dialect)
	case c.ToVersion != "" && !c.has(c.ToVersion):
		return c, fmt.Errorf("%w %q: name one of a file in Config.ToVersion", ErrNoVersion, c.ToVersion)
	case c.Concurrency < 0 || c.LockTimeout < 0 || c.StatementTimeout < 0 || c.LockWait < 0 || c.MaxFailures < 0:
		return c, errors.New("migrate: Config has a negative number or duration")
	case c.MaxFailureRate < 0 || c.MaxFailureRate > 1:
		return c, errors.New("migrate: Config.MaxFailureRate must be between 0 and 1")
	}
	for i, wave := range c.Waves {
		if wave.Match == nil {
			return c, fmt.Errorf("migrate: Config.Waves[%d].Match is missing", i)
		}
	}
	if c.Directory.dialect == dialect.Postgres && c.HomeSchema == "" {
		c.HomeSchema = "public"
	}
	c.setDefaults()
	// The run's lock, the reading of states and the writing of outcomes take a connection each; to confirm waits for any of them.
	if most := c.Home.Stats().MaxOpenConnections; c.Directory.dialect != dialect.SQLite && most > 0 && most < c.Concurrency+3 {
		return c, fmt.Errorf("migrate: Config.Home allows %d connections; a Concurrency of %d needs %d", most, c.Concurrency, c.Concurrency+3)
	}
	return c, nil
}

// has reports whether one of the directories has a version.
func (c *Config) has(version string) bool {
	return c.Directory.ours[version] != nil || c.Shared != nil && c.Shared.ours[version] != nil
}

func (c *Config) setDefaults() {
	if c.Concurrency == 0 {
		c.Concurrency = min(4, runtime.NumCPU())
	}
	if c.LockTimeout == 0 {
		c.LockTimeout = 2 * time.Second
	}
	if c.LockWait == 0 {
		c.LockWait = 10 * time.Second
	}
	if c.Statuses == nil {
		c.Statuses = []tenancy.Status{tenancy.StatusProvisioning, tenancy.StatusActive, tenancy.StatusSuspended}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.OnResult == nil {
		c.OnResult = func(Result) {}
	}
	if c.Open == nil && c.Directory.dialect == dialect.Postgres {
		c.Open = openPostgres
	}
}

// migrates reports whether tenants of a status are migrated.
func (c *Config) migrates(s tenancy.Status) bool {
	return s == "" || slices.Contains(c.Statuses, s)
}
