package driver

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// heldDown returns pools of a server whose tenants may have one connection each,
// since all of them are active, and a statement of the first that waits for the one
// that the first has. The gate ends who has that.
func heldDown(t *testing.T) (ps *pools, o *opener, clock *atomic.Int64, g *gate, waiting chan error) {
	t.Helper()
	const tenants = 20
	ps, o = newFake(t, Databases{MaxConns: tenants})
	clock = new(atomic.Int64)
	clock.Store(int64(time.Hour))
	ps.now = clock.Load
	for i := range tenants {
		must(t, ps.run(t.Context(), fakeTenant(i), nil))
	}
	g, _ = ps.start(t, fakeTenant(0))
	waiting = make(chan error, 1)
	go func() { waiting <- ps.run(t.Context(), fakeTenant(0), nil) }()
	db := dbOf(ps.shardOf(fakeTenant(0).ID).current(fakeTenant(0).ID))
	until(t, "the second statement waits", func() bool { return db.Stats().WaitCount == 1 })
	return ps, o, clock, g, waiting
}

// TestWhoWaitsIsServedWhenTheShareGrows has nobody ask for anything while the share
// of a tenant grows.
func TestWhoWaitsIsServedWhenTheShareGrows(t *testing.T) {
	t.Parallel()
	ps, o, clock, g, waiting := heldDown(t)
	clock.Add(recently)
	must(t, receive(t, waiting))
	if _, most, _, _ := o.server.state(); most > 20 {
		t.Errorf("there were %d connections at once, want at most 20", most)
	}
	close(g.end)
	until(t, "nobody looks after the share any more", func() bool {
		b := ps.serverOf("server")
		b.sharing.Lock()
		defer b.sharing.Unlock()
		return !b.widening && len(b.squeezed) == 0
	})
}

// TestAllWhoWaitAreServed has more statements wait than may be served at once.
func TestAllWhoWaitAreServed(t *testing.T) {
	t.Parallel()
	ps, _, clock, g, waiting := heldDown(t)
	end, begun := make(chan struct{}), make(chan struct{}, 10)
	ended := make(chan error, 10)
	for range 10 {
		more := &gate{make(chan struct{}), end}
		go func() { ended <- ps.run(t.Context(), fakeTenant(0), more) }()
		go func() { <-more.begun; begun <- struct{}{} }()
	}
	db := dbOf(ps.shardOf(fakeTenant(0).ID).current(fakeTenant(0).ID))
	until(t, "all wait", func() bool { return db.Stats().WaitCount == 11 })
	clock.Add(recently)
	for range 7 { // of the 8 that a tenant may have, one is taken
		receive(t, begun)
	}
	if len(begun) > 0 {
		t.Error("a tenant has more than 8 connections")
	}
	close(end)
	must(t, receive(t, waiting))
	for range 10 {
		must(t, receive(t, ended))
	}
	close(g.end)
}

// grownWhileBusy is heldDown after the share of the first has grown, while the others
// use all other connections of the server.
func grownWhileBusy(t *testing.T) (o *opener, clock *atomic.Int64, g *gate, others []*gate, waiting chan error) {
	t.Helper()
	ps, o, clock, g, waiting := heldDown(t)
	for i := range 19 {
		other, _ := ps.start(t, fakeTenant(1+i))
		others = append(others, other)
	}
	clock.Add(recently)
	p := ps.shardOf(fakeTenant(0).ID).current(fakeTenant(0).ID)
	until(t, "the share has grown", func() bool { return p.limited.Load() == 8 })
	return o, clock, g, others, waiting
}

// TestNoConnectionIsClosedWhereNoneCanBeHad has all connections of the server in use
// when the share of a tenant grows: it keeps its own for those who wait.
func TestNoConnectionIsClosedWhereNoneCanBeHad(t *testing.T) {
	t.Parallel()
	o, clock, g, others, waiting := grownWhileBusy(t)
	clock.Add(soon + 1) // when a pool would close a connection for its own who wait for one of the server's
	time.Sleep(2 * reclaimLast)
	close(g.end)
	must(t, receive(t, waiting))
	if _, _, connects, _ := o.server.state(); connects != 20 {
		t.Errorf("%d connections were opened, want the 20 that there were", connects)
	}
	for _, other := range others {
		close(other.end)
	}
}

// TestWhoWaitsIsServedWhenConnectionsAreFree has them be in use when its share grows.
func TestWhoWaitsIsServedWhenConnectionsAreFree(t *testing.T) {
	t.Parallel()
	_, _, g, others, waiting := grownWhileBusy(t)
	close(others[0].end)
	select {
	case err := <-waiting:
		must(t, err)
	case <-time.After(patience / 2):
		t.Error("it is not served")
	}
	for _, end := range append(others[1:], g) {
		close(end.end)
	}
}

// TestWhoWaitsIsToldThatTheServerIsGone has the server take no connections when the
// share grows.
func TestWhoWaitsIsToldThatTheServerIsGone(t *testing.T) {
	t.Parallel()
	_, o, clock, g, waiting := heldDown(t)
	refused := errors.New("connection refused")
	o.server.set(func(s *fakeServer) { s.fail = refused })
	clock.Add(recently)
	if err := receive(t, waiting); !errors.Is(err, refused) {
		t.Errorf("who waited got %v", err)
	}
	close(g.end)
}

// TestShareThatAnotherStatementMakesGrow has the statement that finds the greater
// share keep the connection that it gets.
func TestShareThatAnotherStatementMakesGrow(t *testing.T) {
	t.Parallel()
	ps, _, clock, g, waiting := heldDown(t)
	clock.Add(recently)
	other, ended := ps.start(t, fakeTenant(0))
	must(t, receive(t, waiting))
	close(other.end)
	must(t, receive(t, ended))
	close(g.end)
}

// TestCloseEndsWhatServesWaiting closes the driver while a connection is opened for
// who waits.
func TestCloseEndsWhatServesWaiting(t *testing.T) {
	t.Parallel()
	ps, o, clock, g, waiting := heldDown(t)
	come, connecting := make(chan struct{}), make(chan struct{}, 10)
	o.server.set(func(s *fakeServer) {
		s.connecting = func() error {
			connecting <- struct{}{}
			<-come
			return errors.New("connection refused")
		}
	})
	clock.Add(recently)
	receive(t, connecting)
	closed := make(chan error, 1)
	go func() { closed <- ps.close() }()
	receive(t, ps.done)
	close(come)
	must(t, receive(t, closed))
	close(g.end)
	if err := receive(t, waiting); err == nil {
		t.Error("who waited was served after close")
	}
	if n := len(connecting); n > 1 { // for who waited, by database/sql
		t.Errorf("%d connections were opened after close", n)
	}
}

// TestNoConnectionIsOpenedForNobody has a share grow where nobody waits: while all
// connections are in use, and when they are idle.
func TestNoConnectionIsOpenedForNobody(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxConns: 4})
	var clock atomic.Int64
	clock.Store(int64(time.Hour))
	ps.now = clock.Load
	for i := range 4 {
		must(t, ps.run(t.Context(), fakeTenant(i), nil))
	}
	g, ended := ps.start(t, fakeTenant(0))
	p := ps.shardOf(fakeTenant(0).ID).current(fakeTenant(0).ID)
	clock.Add(recently)
	p.budget.recount(ps.now())
	p.widen()
	if got := dbOf(p).Stats().MaxOpenConnections; got != 4 {
		t.Errorf("the tenant may have %d connections, want 4", got)
	}
	serveWaiting(t.Context(), dbOf(p))
	close(g.end)
	must(t, receive(t, ended))
	serveWaiting(t.Context(), dbOf(p))
	if _, _, connects, _ := o.server.state(); connects != 4 {
		t.Errorf("%d connections were opened, want 4", connects)
	}
}

// TestStatsSayWhoIsActiveNow asks them when nobody has used a pool for long.
func TestStatsSayWhoIsActiveNow(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{})
	var clock atomic.Int64
	clock.Store(int64(time.Hour))
	ps.now = clock.Load
	must(t, ps.run(t.Context(), fakeTenant(1), nil))
	if n := ps.server(t).Active; n != 1 {
		t.Errorf("%d tenants are active, want 1", n)
	}
	clock.Add(recently)
	if n := ps.server(t).Active; n != 0 {
		t.Errorf("%d tenants are active, want none", n)
	}
}
