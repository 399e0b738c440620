package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
)

func TestBudgetIsNeverExceeded(t *testing.T) {
	t.Parallel()
	const budget = 5
	ps, o := newFake(t, Databases{MaxConns: budget})
	var all sync.WaitGroup
	for worker := range 24 {
		all.Go(func() {
			for i := range 200 {
				if err := ps.run(t.Context(), fakeTenant((7*worker+i)%30), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	open, most, _, _ := o.server.state()
	if most > budget {
		t.Errorf("there were %d connections at once, want at most %d", most, budget)
	}
	if s := ps.server(t); s.Open != open || s.Waiting != 0 {
		t.Errorf("the budget counts %d connections and %d who wait, there are %d and 0", s.Open, s.Waiting, open)
	}
}

// TestWhoeverWaitsIsServedInTurn has all connections in use by one tenant, which
// goes on asking. As many of them are given up as others wait, in their order.
func TestWhoeverWaitsIsServedInTurn(t *testing.T) {
	t.Parallel()
	const budget = 4
	ps, o := newFake(t, Databases{MaxConns: budget})
	loud := fakeTenant(0)
	var gates []*gate
	ended := make(chan error, 100)
	for range budget {
		g, _ := ps.start(t, loud)
		gates = append(gates, g)
	}
	more := newGate()
	begun := make(chan struct{}, 10)
	for range 10 { // they wait within the loud tenant's pool, and none would give back what it gets
		g := &gate{make(chan struct{}), more.end}
		go func() { ended <- ps.run(t.Context(), loud, g) }()
		go func() { <-g.begun; begun <- struct{}{} }()
	}
	until(t, "the loud tenant wants more", func() bool {
		return dbOf(ps.shardOf(loud.ID).current(loud.ID)).Stats().WaitCount == 10
	})
	served := make(chan int, 10)
	quiet := []*gate{newGate(), newGate(), newGate()}
	for i := range quiet {
		go func() {
			if err := ps.run(t.Context(), fakeTenant(i+1), quiet[i]); err != nil {
				t.Error(err)
			}
		}()
		until(t, "it waits", func() bool { return ps.server(t).Waiting == i+1 })
	}
	for i, g := range quiet {
		go func() { <-g.begun; served <- i }()
	}
	for i := range quiet {
		close(gates[i].end) // one statement of the loud tenant ends
		if got := receive(t, served); got != i {
			t.Fatalf("tenant %d was served, and tenant %d had come before it", got+1, i+1)
		}
	}
	if _, _, _, closes := o.server.state(); len(closes) != len(quiet) {
		t.Errorf("%d connections were closed for %d who waited", len(closes), len(quiet))
	}
	if len(begun) != 0 {
		t.Errorf("%d statements of the loud tenant came before those who waited", len(begun))
	}
	close(gates[3].end)
	for _, g := range quiet {
		close(g.end)
	}
	close(more.end)
	for range 10 {
		must(t, receive(t, ended))
	}
}

// TestBusyTenantKeepsItsConnection gives a tenant one connection where it may
// have two, so that database/sql always waits for the other.
func TestBusyTenantKeepsItsConnection(t *testing.T) {
	t.Parallel()
	const statements, at = 400, 5
	ps, o := newFake(t, Databases{MaxConns: 4})
	var gates []*gate
	for range 3 {
		g, _ := ps.start(t, fakeTenant(1))
		gates = append(gates, g)
	}
	only, ended := ps.start(t, fakeTenant(2))
	var all sync.WaitGroup
	for range at {
		all.Go(func() {
			for range statements {
				if err := ps.run(t.Context(), fakeTenant(2), nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	until(t, "it waits for one more", func() bool { return ps.server(t).Waiting == 1 })
	close(only.end)
	must(t, receive(t, ended))
	all.Wait()
	if _, _, connects, _ := o.server.state(); connects > at*statements/4 {
		t.Errorf("%d connections were opened for %d statements", connects, at*statements)
	}
	for _, g := range gates {
		close(g.end)
	}
}

func TestIdleConnectionsOfOthersMakeRoom(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxConns: 3})
	var clock atomic.Int64
	ps.now = func() int64 { return clock.Add(1) }
	for _, number := range []int{1, 2, 3, 1} {
		must(t, ps.run(t.Context(), fakeTenant(number), nil))
	}
	must(t, ps.run(t.Context(), fakeTenant(4), nil))
	must(t, ps.run(t.Context(), fakeTenant(5), nil))
	_, most, connects, closes := o.server.state()
	want := []string{fakeTenant(2).Placement.DatabaseURL.Reveal(), fakeTenant(3).Placement.DatabaseURL.Reveal()}
	if !slices.Equal(closes, want) {
		t.Errorf("%d connections were closed, want those of tenants 2 and 3, which were used the longest ago", len(closes))
	}
	if most != 3 || connects != 5 {
		t.Errorf("there were %d connections, up to %d at once, want 5 and 3", connects, most)
	}
	if s := ps.server(t); s.Reclaimed != 2 || s.Waits != 2 || s.Idle != 3 {
		t.Errorf("the statistics are %+v, want 2 reclaimed, 2 waits, 3 idle", s)
	}
}

// TestConnectionThatBecomesIdleUnasked is what happens when a connection was
// asked whether to close before somebody began to wait, and put back after.
func TestConnectionThatBecomesIdleUnasked(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxConns: 1})
	p, err := ps.lease(t.Context(), fakeTenant(1))
	must(t, err)
	held, err := dbOf(p).Conn(t.Context())
	must(t, err)
	p.release()
	waiting := make(chan error, 1)
	go func() { waiting <- ps.run(t.Context(), fakeTenant(2), nil) }()
	until(t, "the other waits", func() bool { return ps.server(t).Waiting == 1 })
	p.budget.mu.Lock()
	p.budget.closing++ // so that the connection is not told to close when it is given back
	p.budget.mu.Unlock()
	must(t, held.Close())
	p.budget.mu.Lock()
	p.budget.closing--
	p.budget.mu.Unlock()
	must(t, receive(t, waiting))
}

func TestWhoGivesUpDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxConns: 1})
	g, ended := ps.start(t, fakeTenant(1))
	ctx, cancel := context.WithCancel(t.Context())
	gone, waits := make(chan error, 1), make(chan error, 1)
	go func() { gone <- ps.run(ctx, fakeTenant(2), nil) }()
	until(t, "one waits", func() bool { return ps.server(t).Waiting == 1 })
	go func() { waits <- ps.run(t.Context(), fakeTenant(3), nil) }()
	until(t, "two wait", func() bool { return ps.server(t).Waiting == 2 })
	cancel()
	if err := receive(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(g.end)
	must(t, receive(t, ended))
	must(t, receive(t, waits))
	if _, most, _, _ := o.server.state(); most != 1 {
		t.Errorf("there were %d connections at once, want 1", most)
	}
}

func TestGrantToWhoHasGoneIsGivenOn(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxConns: 1})
	b := ps.serverOf("server")
	p, other := newPool(ps, fakeTenant(1)), newPool(ps, fakeTenant(2))
	must(t, b.take(t.Context(), p))
	b.mu.Lock()
	w, next := &waiter{pool: p, granted: make(chan struct{})}, &waiter{pool: other, granted: make(chan struct{})}
	place := b.enqueueLocked(w)
	b.enqueueLocked(next)
	b.mu.Unlock()
	b.give(p, false)
	b.abandon(w, place) // its context has ended just when it was granted
	receive(t, next.granted)
	b.give(other, false)
	if !b.unused() || len(b.holders) != 0 || b.crowd.Load() != 0 {
		t.Errorf("%d connections are counted that nobody has", b.taken)
	}
}

// TestOwnConnectionsAreGivenUpLate is for a statement that waits for a
// connection of a pool whose others are never idle.
func TestOwnConnectionsAreGivenUpLate(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxConns: 1})
	b := ps.serverOf("server")
	p := newPool(ps, fakeTenant(1))
	must(t, b.take(t.Context(), p))
	b.mu.Lock()
	w := &waiter{pool: p, granted: make(chan struct{}), since: 100}
	b.enqueueLocked(w)
	b.ageLocked(100 + soon - 1)
	b.mu.Unlock()
	if b.claim(p) {
		t.Error("a connection is closed at once for who waits in the same pool")
	}
	b.mu.Lock()
	b.ageLocked(100 + soon)
	b.ageLocked(200 + soon)
	b.mu.Unlock()
	if !b.claim(p) || b.claim(p) {
		t.Error("not one connection is closed for the one who is late")
	}
	b.give(p, true)
	receive(t, w.granted)
	if p.wanting != 0 || b.closing != 0 || b.claim(p) {
		t.Errorf("%d are wanted and %d leave, when nobody waits", p.wanting, b.closing)
	}
}

func TestFailedConnectsGiveBack(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxConns: 1})
	refused := errors.New("connection refused")
	o.server.set(func(s *fakeServer) { s.fail = refused })
	for range 3 {
		if err := ps.run(t.Context(), fakeTenant(1), nil); !errors.Is(err, refused) {
			t.Fatalf("the error is %v", err)
		}
	}
	o.server.set(func(s *fakeServer) { s.panics = true })
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_, _ = (&connector{&fakeConnector{o.server, ""}, ps.shardOf("tenant-1").current("tenant-1")}).Connect(t.Context())
		}()
	}
	o.server.set(func(s *fakeServer) { s.fail, s.panics = nil, false })
	must(t, ps.run(t.Context(), fakeTenant(2), nil))
	if s := ps.server(t); s.Open != 1 {
		t.Errorf("%d connections are counted, want 1", s.Open)
	}
}

func TestConnectionCountsUntilItsSessionIsOver(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxConns: 1})
	over := make(chan struct{})
	o.server.set(func(s *fakeServer) { s.pending = over })
	must(t, ps.run(t.Context(), fakeTenant(1), nil))
	waits := make(chan error, 1)
	go func() { waits <- ps.run(t.Context(), fakeTenant(2), nil) }()
	until(t, "the idle connection is closed", func() bool { _, _, _, closes := o.server.state(); return len(closes) == 1 })
	if s := ps.server(t); s.Open != 1 || s.Waiting != 1 {
		t.Errorf("the statistics are %+v, want 1 open and 1 waiting", s)
	}
	close(over)
	must(t, receive(t, waits))
}

func TestFairShare(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxConns: 12, MaxConnsPerTenant: 8})
	var clock atomic.Int64
	clock.Store(int64(time.Hour))
	ps.now = clock.Load
	limit := func(number int) int {
		t.Helper()
		p, err := ps.lease(t.Context(), fakeTenant(number))
		must(t, err)
		defer p.release()
		return dbOf(p).Stats().MaxOpenConnections
	}
	for i, want := range []int{8, 6, 4, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1} {
		if got := limit(i); got != want {
			t.Errorf("with %d active tenants, each may have %d connections, want %d", i+1, got, want)
		}
	}
	if got := limit(0); got != 1 {
		t.Errorf("the first tenant may have %d connections beside the others, want 1", got)
	}
	clock.Add(recently - 1)
	if got := limit(0); got != 1 {
		t.Errorf("while the others are active, a tenant may have %d connections, want 1", got)
	}
	clock.Add(recountEvery + 1)
	if got := limit(0); got != 8 {
		t.Errorf("when no other is active any more, a tenant may have %d connections, want 8", got)
	}
	if s := ps.server(t); s.Active != 1 {
		t.Errorf("%d tenants count as active, want 1", s.Active)
	}
}

func TestReplicasCountForTheShare(t *testing.T) {
	t.Parallel()
	server := &fakeServer{}
	ps, _ := newFake(t, Databases{MaxConns: 12, Open: func(context.Context, tenancy.Tenant) (Database, error) {
		c := &fakeConnector{server: server}
		return Database{Connector: c, Replicas: []sqldriver.Connector{c, c}, Server: "server"}, nil
	}})
	for i, want := range []int{2, 2, 1} {
		p, err := ps.lease(t.Context(), fakeTenant(i))
		must(t, err)
		if len(p.replicas) != 2 {
			t.Fatalf("there are %d replicas, want 2", len(p.replicas))
		}
		if got := p.dbs[2].Stats().MaxOpenConnections; got != want {
			t.Errorf("with %d tenants of three databases, each database may have %d connections, want %d", i+1, got, want)
		}
		p.release()
	}
}

func TestServersHaveBudgetsOfTheirOwn(t *testing.T) {
	t.Parallel()
	server := &fakeServer{}
	ps, _ := newFake(t, Databases{MaxConns: 1, Open: func(_ context.Context, t tenancy.Tenant) (Database, error) {
		return Database{Connector: &fakeConnector{server: server}, Server: string(t.ID)}, nil
	}})
	g, ended := ps.start(t, fakeTenant(1))
	must(t, ps.run(t.Context(), fakeTenant(2), nil))
	close(g.end)
	must(t, receive(t, ended))
	if s := ps.stats(); len(s.Servers) != 2 || s.Servers[0].Server != "tenant-1" || s.Servers[1].Opened != 1 {
		t.Errorf("the statistics are %+v, want two servers in order", s)
	}
}
