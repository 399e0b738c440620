package driver

import (
	"context"
	"errors"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
)

// shards is how many locks the tenants share.
const shards = 64

var errClosed = errors.New("driver: the driver was closed")

// pools are the pools of tenants with databases of their own. They are safe for
// concurrent use.
//
// Locks are taken in this order, and none while Open runs: room; shard.mu;
// pool.limits; those of database/sql; budget.mu, budget.sharing or pools.mu.
type pools struct {
	dialect string
	config  Databases
	now     func() int64 // nanoseconds, and never backwards
	seed    maphash.Seed
	shards  [shards]shard
	count   atomic.Int64 // pools in the shards
	room    sync.Mutex   // held by whoever makes room
	keeper  sync.Once
	life    context.Context // of what runs in the background; ended by close
	end     context.CancelFunc
	done    <-chan struct{} // life's
	tasks   sync.WaitGroup
	events  events

	mu      sync.Mutex
	closed  bool
	servers map[string]*budget
}

// shard holds the current pool of each of its tenants.
type shard struct {
	mu     sync.RWMutex
	pools  map[tenancy.ID]*pool
	closed bool
	_      [64]byte // apart from the next in the processor's cache
}

func newPools(dialect string, config Databases) (*pools, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	life, end := context.WithCancel(context.Background())
	ps := &pools{
		dialect: dialect,
		config:  config,
		now:     func() int64 { return int64(time.Since(start)) },
		seed:    maphash.MakeSeed(),
		life:    life,
		end:     end,
		done:    life.Done(),
		servers: map[string]*budget{},
	}
	for i := range ps.shards {
		ps.shards[i].pools = map[tenancy.ID]*pool{}
	}
	return ps, nil
}

func (ps *pools) shardOf(id tenancy.ID) *shard {
	return &ps.shards[maphash.String(ps.seed, string(id))%shards]
}

// lease returns the pool of the tenant's place, opened if it has to be. It stays
// open until it is released, which is when the statement has returned: its rows
// or its transaction then keep their connection by themselves.
func (ps *pools) lease(ctx context.Context, t tenancy.Tenant) (*pool, error) {
	s := ps.shardOf(t.ID)
	for {
		p := s.current(t.ID)
		if p == nil || !p.ready.Load() || !p.serves(&t) {
			var err error
			if p, err = ps.open(ctx, s, t); err != nil {
				return nil, err
			}
		}
		if p.acquire() { // otherwise it was retired a moment ago, and is no longer the current one
			p.saw(t.Version)
			p.use(ps.now())
			return p, nil
		}
	}
}

func (s *shard) current(id tenancy.ID) *pool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.pools[id]
}

// remove takes a pool out, and reports whether it was still the current one and
// the condition held.
func (ps *pools) remove(p *pool, condition func() bool) bool {
	s := ps.shardOf(p.tenant.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pools[p.tenant.ID] != p || !condition() {
		return false
	}
	ps.removeLocked(s, p)
	return true
}

func (ps *pools) removeLocked(s *shard, p *pool) {
	delete(s.pools, p.tenant.ID)
	ps.count.Add(-1)
}

// all returns the current pools that are open.
func (ps *pools) all() []*pool {
	found := make([]*pool, 0, ps.count.Load())
	for i := range ps.shards {
		s := &ps.shards[i]
		s.mu.RLock()
		for _, p := range s.pools {
			if p.ready.Load() {
				found = append(found, p)
			}
		}
		s.mu.RUnlock()
	}
	return found
}

// serverOf returns the budget of a server for one more pool.
func (ps *pools) serverOf(name string) *budget {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	b := ps.servers[name]
	if b == nil {
		b = newBudget(name, ps)
		ps.servers[name] = b
	}
	b.pools++
	return b
}

// background runs a task that close waits for. After close there is nothing to
// be kept waiting, so it runs at once.
func (ps *pools) background(task func()) {
	ps.mu.Lock()
	if ps.closed {
		ps.mu.Unlock()
		task()
		return
	}
	ps.tasks.Add(1)
	ps.mu.Unlock()
	go func() {
		defer ps.tasks.Done()
		task()
	}()
}

// close closes all pools. Rows and transactions that are open can finish.
func (ps *pools) close() error {
	ps.mu.Lock()
	again := ps.closed
	ps.closed = true
	ps.mu.Unlock()
	if again {
		return nil
	}
	ps.end()
	var err error
	for i := range ps.shards {
		for _, p := range ps.shards[i].empty() {
			ps.count.Add(-1)
			p.cancel()
			if p.ready.Load() {
				err = errors.Join(err, p.closeNow())
			}
			p.retire()
		}
	}
	ps.tasks.Wait()
	return err
}

func (s *shard) empty() map[tenancy.ID]*pool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.pools
	s.pools, s.closed = nil, true
	return all
}
