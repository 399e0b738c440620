package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
)

// Database is where attacks take place: one database, or several that a driver
// makes one of.
type Database struct {
	// Driver is what the attacked client runs on.
	Driver dialect.Driver
	// Options are more options of the attacked client. Its driver is set after them.
	Options []ent.Option
	// Admin reaches all rows of everybody's tables, and of those that tenants
	// share, past everything that is tested.
	Admin *sql.DB
	// Globals reaches everybody's tables where they are apart from those that
	// tenants share, or where Admin is nil because tenants share none. Defaults to Admin.
	Globals *sql.DB
	// Dialect is ent's name of the database's kind.
	Dialect string

	// A and B are what the tenants of every world are like.
	A, B Tenant

	// Scoped says that the driver refuses a statement whose context has no scope,
	// and in a transaction one of another scope than began it.
	Scoped bool
	// Hides says that the database shows A's statements no rows of B's, and that
	// links across tenants cannot come to be there.
	Hides bool
	// Refuses reports a documented error of the driver for what cannot be done in
	// this kind of place, such as a join of two databases. Failures that come of
	// it are excused, and leaks are not. Defaults to none.
	Refuses func(error) bool
	// Excuses is how many runs of attacks may be excused in part: see [Run].
	Excuses int

	worlds  int
	current *World
	before  rows
}

// Tenant is where one of the two tenants lives.
type Tenant struct {
	// Tenant is its record. One without an ID gets a new one in each world.
	tenancy.Tenant
	// Admin reaches the tenant's own tables, and enforces no foreign keys: in each
	// world are links of rows that are not there. Defaults to Database.Admin.
	Admin *sql.DB
}

// Client returns a new client, whose hooks and interceptors are nobody else's.
func (db *Database) Client() *ent.Client { return db.clientOn(db.Driver) }

func (db *Database) clientOn(drv dialect.Driver) *ent.Client {
	options := append([]ent.Option{ent.Log(func(...any) {})}, db.Options...)
	return ent.NewClient(append(options, ent.Driver(drv))...)
}

// world returns a world that no attack has changed, and its rows.
func (db *Database) world(ctx context.Context) (*World, rows, error) {
	if db.current != nil {
		return db.current, db.before, nil
	}
	db.worlds++
	w := newWorld(ctx, db.worlds, db)
	if err := db.build(ctx, w); err != nil {
		return nil, nil, fmt.Errorf("building a world: %w", err)
	}
	before, err := db.snapshot(ctx)
	if err != nil {
		return nil, nil, err
	}
	db.current, db.before = w, before
	return w, before, nil
}

// act lets the attack act on a client of the mode.
func (db *Database) act(a *Act, attack Attack, mode Mode) error {
	client := db.clientOn(watched{db.Driver, a.watch})
	switch mode {
	case InDebug:
		a.Client = client.Debug()
	case InTx, InTxOfB:
		a.begin = a.A.Ctx
		if mode == InTxOfB {
			a.begin = a.B.Ctx
		}
		tx, err := client.Tx(a.begin)
		if err != nil {
			return err
		}
		a.Client, a.savepoints = tx.Client(), db.Dialect == dialect.Postgres
		a.raw = tx.ExecContext
		defer func() { a.settle(tx.Commit()) }()
	default:
		a.Client = client
	}
	a.guarded(func() { attack.Run(a) })
	return nil
}

// guarded runs f; a panic in it is a failure with its place, which no refusal excuses.
func (a *Act) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			a.verdict.Failures = append(a.verdict.Failures, fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	f()
}

// settle takes the result of a commit. PostgreSQL refuses to commit what an
// attack's failed statement has aborted.
func (a *Act) settle(err error) {
	if err != nil && !errors.Is(err, tenancy.ErrCrossTenant) && !a.savepoints {
		a.failf("commit: %v", err)
	}
}
