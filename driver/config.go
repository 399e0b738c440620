package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// Config says where tenants live. The zero Config is good for tenants that all
// live in the home.
type Config struct {
	// Place completes the record of a tenant that the registry has not placed:
	// one without an Isolation, with IsolationSchema and no schema, or with
	// IsolationDatabase and no URL. It returns the tenant with its Isolation and
	// Placement. The ID has to be the same, which is compared: another one is
	// tenancy.ErrInvalidPlacement. It is called for every statement of
	// such a tenant, from several goroutines: it must be quick, and always say the
	// same of the same record. An error of it is the statement's.
	// Defaults to IsolationShared for a tenant without an isolation.
	Place func(tenancy.Tenant) (tenancy.Tenant, error)

	// System serves System scopes. Behind row-level security it needs a pool
	// whose role sees all rows. Defaults to the home.
	System dialect.Driver

	// Replicas are read-only copies of the home. They have to switch as it does, and
	// to keep tenants apart as it does: SQL by hand under a context of [Replica] is
	// held by their role and their policies, so run postgres.Verify on each.
	// Defaults to none.
	Replicas []dialect.Driver

	// ReplicaReady reports whether Replicas[i] may be asked. The home answers in its
	// place until it may, as where it has not been verified yet. It is called for each
	// query that the replica could answer, from several goroutines, and must be quick.
	// Defaults to none: each may be asked.
	ReplicaReady func(i int) bool

	// Databases opens the databases of tenants that have their own.
	// Defaults to none: such tenants fail with tenancy.ErrInvalidPlacement.
	Databases Databases

	// Ready says whether a tenant may be served, before its first statement: a
	// Requires of migrate's Runner refuses one whose tables are behind the program
	// with tenancy.ErrBehind. A tenant that may is not asked about again until its
	// record changes, and costs about 100 ns a statement and no allocation; one that may not is asked
	// about at most once a second, and its statements fail with Ready's error. It is
	// called from several goroutines, and must not go through this driver.
	// Defaults to none: every tenant is served.
	Ready func(ctx context.Context, t tenancy.Tenant) error

	// GlobalSchema is the PostgreSQL schema of the global tables.
	// Defaults to "public". On other databases it must be empty.
	GlobalSchema string

	// Observer is told of each statement, of the beginning and the end of each
	// transaction, and of each System scope when it is first used, as the package
	// comment says. Defaults to none, which costs nothing.
	Observer Observer

	// Comment reports whether a tenant's statement under ctx carries the tenant's
	// id as a comment, for the database's logs and lists of what runs. It is called
	// for each statement, from several goroutines, and must be quick. What that
	// costs is in the package comment. Defaults to none, which costs nothing.
	Comment func(ctx context.Context) bool
}

// Switcher is a home that acts for the tenant of each statement's context. It
// is implemented by a [dialect.Driver], or by what the Driver method of the
// [database/sql/driver.Connector] under one returns.
type Switcher interface {
	// Switches reports whether tenants of the isolation can live in this home.
	Switches(isolation tenancy.Isolation) bool
}

// switches reports whether tenants of an isolation can live in the home d.
func switches(d dialect.Driver, isolation tenancy.Isolation) bool {
	if s, ok := d.(Switcher); ok {
		return s.Switches(isolation)
	}
	if pool, ok := d.(interface{ DB() *sql.DB }); ok {
		s, ok := pool.DB().Driver().(Switcher)
		return ok && s.Switches(isolation)
	}
	return false
}

func (c Config) validate(home dialect.Driver) error {
	if home == nil {
		return errors.New("driver: New needs a home")
	}
	d := home.Dialect()
	if c.GlobalSchema != "" && d != dialect.Postgres {
		return fmt.Errorf("driver: Config.GlobalSchema is for PostgreSQL and must be empty on %s", d)
	}
	if c.System != nil && c.System.Dialect() != d {
		return fmt.Errorf("driver: Config.System is %s and the home is %s", c.System.Dialect(), d)
	}
	for i, replica := range c.Replicas {
		if replica == nil || replica.Dialect() != d {
			return fmt.Errorf("driver: Config.Replicas[%d] must be a driver for %s", i, d)
		}
		for _, isolation := range tenancy.Isolations() {
			if switches(home, isolation) && !switches(replica, isolation) {
				return fmt.Errorf("driver: Config.Replicas[%d] does not switch to tenants with isolation %s, and the home does", i, isolation)
			}
		}
	}
	return nil
}
