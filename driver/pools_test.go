package driver

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
)

func TestPoolIsOpenedOnce(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	come := make(chan struct{})
	o.open = func(context.Context, int, tenancy.Tenant) error { <-come; return nil }
	const goroutines = 100
	leased := make(chan *pool, goroutines)
	for range goroutines {
		go func() {
			p, err := ps.lease(t.Context(), fakeTenant(1))
			if err != nil {
				t.Error(err)
			}
			leased <- p
		}()
	}
	until(t, "somebody asks", func() bool { return o.count() == 1 })
	close(come)
	first := receive(t, leased)
	for range goroutines - 1 {
		if p := receive(t, leased); p != first {
			t.Fatal("two pools were opened for one place")
		}
	}
	if o.count() != 1 {
		t.Errorf("Open was called %d times, want once", o.count())
	}
	if leases := first.leases.Load(); leases != goroutines && leases != goroutines+1 {
		t.Errorf("there are %d leases, want %d", leases, goroutines)
	}
}

func TestErrorsOfOpenAreNotKept(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func() error{
		"an error": func() error { return errors.New("no such secret") },
		"a panic":  func() error { panic("postgres://user:hunter2@host/database_1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ps, o := newFake(t, Databases{})
			o.open = func(_ context.Context, call int, _ tenancy.Tenant) error {
				if call == 1 {
					return fail()
				}
				return nil
			}
			err := ps.run(t.Context(), fakeTenant(1), nil)
			if err == nil || !strings.Contains(err.Error(), "tenant-1") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error is %v, want one that names the tenant and not its password", err)
			}
			if n := ps.count.Load(); n != 0 {
				t.Errorf("%d pools are kept of none that was opened", n)
			}
			must(t, ps.run(t.Context(), fakeTenant(1), nil))
		})
	}
}

func TestWaitersForOpenGoOneByOne(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	come := make(chan struct{})
	o.open = func(ctx context.Context, _ int, _ tenancy.Tenant) error {
		select {
		case <-come:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	impatient, give := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- ps.run(impatient, fakeTenant(1), nil) }()
	until(t, "the first asks", func() bool { return o.count() == 1 })
	go func() { second <- ps.run(t.Context(), fakeTenant(1), nil) }()
	s := ps.shardOf("tenant-1")
	until(t, "both wait", func() bool {
		s.mu.RLock()
		defer s.mu.RUnlock()
		return s.pools["tenant-1"].waiting == 2
	})
	give()
	if err := receive(t, first); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	close(come)
	if err := receive(t, second); err != nil {
		t.Errorf("who did not give up got %v", err)
	}
}

func TestOpenEndsWhenAllHaveGone(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	ended := make(chan struct{})
	o.open = func(ctx context.Context, call int, _ tenancy.Tenant) error {
		if call == 1 {
			<-ctx.Done()
			close(ended)
		}
		return nil // too late
	}
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- ps.run(ctx, fakeTenant(1), nil) }()
	until(t, "it is asked for", func() bool { return o.count() == 1 })
	cancel()
	if err := receive(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	receive(t, ended)
	must(t, ps.run(t.Context(), fakeTenant(1), nil))
	if n := ps.count.Load(); n != 1 {
		t.Errorf("%d pools are kept, want 1", n)
	}
	until(t, "the abandoned pool is closed", func() bool { return ps.server(t).Pools == 1 })
}

func TestMovedTenantGetsANewPool(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	before := fakeTenant(1)
	before.Version = 3
	after := before
	after.Placement = fakeTenant(2).Placement
	after.Version = 4

	g, ended := ps.start(t, before)
	must(t, ps.run(t.Context(), after, nil))
	if open, _, _, _ := o.server.state(); open != 2 {
		t.Fatalf("%d connections are open, want that of the old statement and that of the new", open)
	}
	close(g.end)
	if err := receive(t, ended); err != nil {
		t.Errorf("the statement on the old place ended with %v", err)
	}
	until(t, "the old connection is closed", func() bool {
		_, _, _, closes := o.server.state()
		return len(closes) == 1 && closes[0] == before.Placement.DatabaseURL.Reveal()
	})
	if err := ps.run(t.Context(), before, nil); !errors.Is(err, tenancy.ErrInvalidPlacement) || !strings.Contains(err.Error(), "read the tenant again") {
		t.Errorf("a record that is out of date got %v", err)
	}
	must(t, ps.run(t.Context(), after, nil))
	if o.count() != 2 {
		t.Errorf("Open was called %d times, want 2: once for each place", o.count())
	}
}

func TestNewerRecordOfTheSamePlaceOutdatesOthers(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	current, older := fakeTenant(1), fakeTenant(1)
	current.Version, older.Version = 3, 4
	older.Placement = fakeTenant(2).Placement
	must(t, ps.run(t.Context(), current, nil))
	current.Version = 5 // its name changed, say
	must(t, ps.run(t.Context(), current, nil))
	if err := ps.run(t.Context(), older, nil); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("a record between the two versions got %v", err)
	}
	current.Version = 2 // older, but it says where the tenant is
	must(t, ps.run(t.Context(), current, nil))
	if o.count() != 1 {
		t.Errorf("Open was called %d times, want once", o.count())
	}
}

func TestTenantsOfOneURLDoNotShareAPool(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	one, other := fakeTenant(1), fakeTenant(2)
	other.Placement = one.Placement
	must(t, ps.run(t.Context(), one, nil))
	must(t, ps.run(t.Context(), other, nil))
	if o.count() != 2 {
		t.Errorf("Open was called %d times, want once for each tenant", o.count())
	}
}

func TestLeastRecentlyUsedPoolsMakeRoom(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxPools: 3})
	var clock atomic.Int64
	ps.now = func() int64 { return clock.Add(1) }
	g, ended := ps.start(t, fakeTenant(0)) // in use, and used before all others
	for _, number := range []int{1, 2, 1, 3} {
		must(t, ps.run(t.Context(), fakeTenant(number), nil))
	}
	current := func(number int) bool { return ps.shardOf(fakeTenant(number).ID).current(fakeTenant(number).ID) != nil }
	if !current(0) || !current(1) || current(2) || !current(3) {
		t.Errorf("pools are kept of tenants 0 %t, 1 %t, 2 %t, 3 %t, want all but 2", current(0), current(1), current(2), current(3))
	}
	until(t, "the evicted pool's connection is closed", func() bool {
		open, _, _, _ := o.server.state()
		return open == 3
	})
	close(g.end)
	must(t, receive(t, ended))
	if s := ps.stats(); s.Evicted != 1 || s.Pools != 3 || s.Opened != 4 {
		t.Errorf("the statistics are %+v, want 1 evicted, 3 pools, 4 opened", s)
	}
}

func TestPoolInUseIsNotEvicted(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxPools: 1})
	p, err := ps.lease(t.Context(), fakeTenant(1))
	must(t, err)
	tx, err := dbOf(p).BeginTx(t.Context(), nil)
	must(t, err)
	p.release()
	must(t, ps.run(t.Context(), fakeTenant(2), nil))
	if ps.shardOf("tenant-1").current("tenant-1") != p {
		t.Error("a pool with an open transaction was closed to make room")
	}
	must(t, tx.Rollback())
	must(t, ps.run(t.Context(), fakeTenant(3), nil))
	if n := ps.count.Load(); n != 1 {
		t.Errorf("%d pools are kept when none is in use, want 1", n)
	}
}

func TestUnusedPoolsExpire(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxIdleTime: time.Hour})
	var clock atomic.Int64
	ps.now = clock.Load
	must(t, ps.run(t.Context(), fakeTenant(1), nil))
	p, err := ps.lease(t.Context(), fakeTenant(2))
	must(t, err)
	clock.Store(int64(time.Hour))

	ps.expire(clock.Load())
	if n := ps.count.Load(); n != 2 {
		t.Fatalf("%d pools are left of one with a connection and one with a lease", n)
	}
	dbOf(ps.shardOf("tenant-1").current("tenant-1")).SetMaxIdleConns(-1) // as database/sql does by itself
	ps.expire(clock.Load())
	if ps.shardOf("tenant-1").current("tenant-1") != nil || ps.shardOf("tenant-2").current("tenant-2") != p {
		t.Error("the pool without use is still there, or the other is not")
	}
	p.release()
	ps.expire(clock.Load())
	until(t, "the last pool is closed", func() bool { return ps.server(t).Pools == 0 })
	ps.expire(clock.Load())
	if s := ps.stats(); s.Expired != 2 || s.Pools != 0 || len(s.Servers) != 0 {
		t.Errorf("the statistics are %+v, want 2 expired, no pools and no server", s)
	}
}

func TestCloseLetsTransactionsFinish(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	must(t, ps.run(t.Context(), fakeTenant(2), nil))
	p, err := ps.lease(t.Context(), fakeTenant(1))
	must(t, err)
	tx, err := dbOf(p).BeginTx(t.Context(), nil)
	must(t, err)
	must(t, ps.close())
	p.release()
	if open, _, _, _ := o.server.state(); open != 1 {
		t.Errorf("%d connections are open after close, want that of the transaction", open)
	}
	must(t, tx.Commit())
	if open, _, _, _ := o.server.state(); open != 0 {
		t.Errorf("%d connections are left", open)
	}
	if err := ps.run(t.Context(), fakeTenant(1), nil); !errors.Is(err, errClosed) {
		t.Errorf("a statement after close got %v", err)
	}
	must(t, ps.close())
}

func TestCloseEndsWaiting(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{MaxConns: 1})
	g, ended := ps.start(t, fakeTenant(1))
	waiting := make(chan error, 1)
	go func() { waiting <- ps.run(t.Context(), fakeTenant(2), nil) }()
	until(t, "the other waits", func() bool { return ps.server(t).Waiting == 1 })
	must(t, ps.close())
	if err := receive(t, waiting); !errors.Is(err, errClosed) {
		t.Errorf("who waited got %v", err)
	}
	close(g.end)
	must(t, receive(t, ended))
}

func TestLeasesUnderChange(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{MaxPools: 4, MaxConns: 6, MaxIdleTime: 2 * time.Millisecond})
	var all sync.WaitGroup
	for worker := range 16 {
		all.Go(func() {
			for i := range 300 {
				tenant := fakeTenant((worker + i) % 9)
				if i%5 == 0 {
					tenant.Placement = fakeTenant(100 + i%2).Placement
				}
				if err := ps.run(t.Context(), tenant, nil); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	must(t, ps.close())
	open, most, _, _ := o.server.state()
	for deadline := time.Now().Add(10 * time.Second); open != 0 && time.Now().Before(deadline); open, most, _, _ = o.server.state() {
		time.Sleep(time.Millisecond) // database/sql closes what has been idle for too long in a goroutine of its own
	}
	if open != 0 || most > 6 {
		t.Errorf("%d connections are left, and there were up to %d at once, want 0 and at most 6", open, most)
	}
}

func TestDatabasesConfigIsChecked(t *testing.T) {
	t.Parallel()
	open := func(context.Context, tenancy.Tenant) (Database, error) { return Database{}, nil }
	for field, config := range map[string]Databases{
		"Open":              {},
		"MaxConns":          {Open: open, MaxConns: -1},
		"MaxConnsPerTenant": {Open: open, MaxConnsPerTenant: -1},
		"MaxIdleTime":       {Open: open, MaxIdleTime: -1},
		"MaxPools":          {Open: open, MaxPools: -1},
	} {
		if _, err := newPools("postgres", config); err == nil || !strings.Contains(err.Error(), "Databases."+field) {
			t.Errorf("the error is %v, want one that names %s", err, field)
		}
	}
	ps, _ := newFake(t, Databases{Open: open})
	if err := ps.run(t.Context(), fakeTenant(1), nil); err == nil || !strings.Contains(err.Error(), "Connector") {
		t.Errorf("a Database without Connector got %v", err)
	}
}
