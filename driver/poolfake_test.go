package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// patience is when a test gives up on something that should have happened.
const patience = 20 * time.Second

// fakeServer counts the connections that are open to it.
type fakeServer struct {
	mu       sync.Mutex
	open     int
	most     int
	connects int
	closes   []string // the databases of connections, in the order in which they were closed
	fail     error    // what connecting ends with
	panics   bool
	// connecting, if it is not nil, is what connecting takes and ends with.
	connecting func() error
	// pending, if it is not nil, keeps the places of closed connections until it is closed.
	pending chan struct{}
}

// fakeConnector connects to a database of a fake server.
type fakeConnector struct {
	server *fakeServer
	name   string
}

func (c *fakeConnector) Driver() sqldriver.Driver { return nil }

func (c *fakeConnector) Connect(context.Context) (sqldriver.Conn, error) {
	s := c.server
	s.mu.Lock()
	connecting := s.connecting
	s.mu.Unlock()
	if connecting != nil {
		if err := connecting(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.panics:
		panic("the driver is broken")
	case s.fail != nil:
		return nil, s.fail
	}
	s.open++
	s.connects++
	s.most = max(s.most, s.open)
	return &fakeConn{c: c}, nil
}

func (s *fakeServer) set(change func(*fakeServer)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *fakeServer) state() (open, most, connects int, closes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most, s.connects, append([]string(nil), s.closes...)
}

// gate is an argument that a statement waits at, when it has begun.
type gate struct{ begun, end chan struct{} }

func newGate() *gate { return &gate{make(chan struct{}), make(chan struct{})} }

type fakeConn struct {
	c     *fakeConnector
	ended chan struct{}
}

func (c *fakeConn) Prepare(string) (sqldriver.Stmt, error) { return nil, errors.New("not here") }
func (c *fakeConn) Begin() (sqldriver.Tx, error)           { return fakeTx{}, nil }

func (c *fakeConn) Close() error {
	c.c.server.set(func(s *fakeServer) {
		s.open--
		s.closes = append(s.closes, c.c.name)
		if c.ended = s.pending; c.ended == nil {
			c.ended = make(chan struct{})
			close(c.ended)
		}
	})
	return nil
}

func (c *fakeConn) CleanupDone() <-chan struct{} { return c.ended }

func (c *fakeConn) CheckNamedValue(*sqldriver.NamedValue) error { return nil }

func (c *fakeConn) ExecContext(ctx context.Context, _ string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if len(args) > 0 {
		g := args[0].Value.(*gate)
		close(g.begun)
		select {
		case <-g.end:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return sqldriver.RowsAffected(0), nil
}

type fakeTx struct{}

func (fakeTx) Commit() error   { return nil }
func (fakeTx) Rollback() error { return nil }

// opener is a Databases.Open of a fake server that counts.
type opener struct {
	server *fakeServer
	mu     sync.Mutex
	calls  int
	open   func(ctx context.Context, call int, t tenancy.Tenant) error // decides, if it is not nil
}

func (o *opener) Open(ctx context.Context, t tenancy.Tenant) (Database, error) {
	o.mu.Lock()
	o.calls++
	call := o.calls
	o.mu.Unlock()
	if o.open != nil {
		if err := o.open(ctx, call, t); err != nil {
			return Database{}, err
		}
	}
	return Database{Server: "server", Connector: &fakeConnector{o.server, t.Placement.DatabaseURL.Reveal()}}, nil
}

func (o *opener) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.calls
}

// newFake returns pools of a fake server. They are closed with the test.
func newFake(tb testing.TB, config Databases) (*pools, *opener) {
	tb.Helper()
	o := &opener{server: &fakeServer{}}
	if config.Open == nil {
		config.Open = o.Open
	}
	ps, err := newPools(dialect.Postgres, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := ps.close(); err != nil {
			tb.Errorf("closing the pools: %v", err)
		}
	})
	return ps, o
}

func fakeTenant(number int) tenancy.Tenant {
	return tenancy.Tenant{
		ID: tenancy.ID(fmt.Sprintf("tenant-%d", number)), Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(fmt.Sprintf("postgres://user:hunter2@host/database_%d", number))},
	}
}

// run runs a statement for a tenant, which waits at the gate if there is one.
func (ps *pools) run(ctx context.Context, t tenancy.Tenant, g *gate) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	p, err := ps.lease(ctx, t)
	if err != nil {
		return err
	}
	defer p.release()
	var args []any
	if g != nil {
		args = []any{g}
	}
	return p.driver.Exec(ctx, "statement", args, nil)
}

// start runs a statement in the background, and returns when it has begun. It
// ends with the gate.
func (ps *pools) start(tb testing.TB, t tenancy.Tenant) (g *gate, ended chan error) {
	tb.Helper()
	g, ended = newGate(), make(chan error, 1)
	go func() { ended <- ps.run(tb.Context(), t, g) }()
	receive(tb, g.begun)
	return g, ended
}

// receive fails the test if nothing comes.
func receive[T any](tb testing.TB, from <-chan T) (got T) {
	tb.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		tb.Fatal("waited too long")
	}
	return got
}

// until waits for what another goroutine brings about.
func until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited too long until %s", what)
		}
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func (ps *pools) server(tb testing.TB) ServerStats {
	tb.Helper()
	s := ps.stats()
	if len(s.Servers) != 1 {
		tb.Fatalf("there are %d servers, want 1", len(s.Servers))
	}
	return s.Servers[0]
}

func dbOf(p *pool) *sql.DB { return p.driver.(*entsql.Driver).DB() }
