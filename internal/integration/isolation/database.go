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

// Database is where attacks take place.
type Database struct {
	// Driver is what the attacked client runs on.
	Driver dialect.Driver
	// Options are more options of the attacked client.
	Options []ent.Option
	// Admin reaches all rows of all tables, past everything that is tested.
	Admin *sql.DB
	// Dialect is ent's name of the database's kind.
	Dialect string

	worlds  int
	current *World
	before  rows
}

// Client returns a new client, whose hooks and interceptors are nobody else's.
func (db *Database) Client() *ent.Client {
	return ent.NewClient(append([]ent.Option{ent.Driver(db.Driver), ent.Log(func(...any) {})}, db.Options...)...)
}

// world returns a world that no attack has changed, and its rows.
func (db *Database) world(ctx context.Context) (*World, rows, error) {
	if db.current != nil {
		return db.current, db.before, nil
	}
	db.worlds++
	w := newWorld(ctx, db.worlds)
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
	client := db.Client()
	switch mode {
	case InDebug:
		a.Client = client.Debug()
	case InTx, InTxOfB:
		begin := a.A.Ctx
		if mode == InTxOfB {
			begin = a.B.Ctx
		}
		tx, err := client.Tx(begin)
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

// guarded runs f; a panic in it is a failure with its place.
func (a *Act) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			a.failf("panic: %v\n%s", r, debug.Stack())
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
