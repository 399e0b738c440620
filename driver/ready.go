package driver

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// readyRetry is how long a refusal is remembered, so that a tenant that nobody
// can serve does not keep those busy who look.
const readyRetry = time.Second

// readyTimeout is how long Config.Ready may take.
const readyTimeout = 30 * time.Second

// readyShards is how many parts the memory has, for goroutines not to wait for each other.
const readyShards = 16

// readyKept is how many tenants a part remembers.
const readyKept = 4096

// readiness remembers what Config.Ready has said of tenants.
type readiness struct {
	ask     func(context.Context, tenancy.Tenant) error
	flights singleflight.Group
	seed    maphash.Seed
	shards  [readyShards]readyShard
}

type readyShard struct {
	mu    sync.RWMutex
	known map[tenancy.ID]readyAnswer
}

// readyAnswer is what was said of a tenant's record.
type readyAnswer struct {
	about place
	err   error
	until time.Time // of a refusal
}

func newReadiness(ask func(context.Context, tenancy.Tenant) error) *readiness {
	if ask == nil {
		return nil
	}
	r := &readiness{ask: ask, seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].known = map[tenancy.ID]readyAnswer{}
	}
	return r
}

// admit fails for a tenant that must not be served as it is. It asks only for a
// record that it has not seen.
func (r *readiness) admit(ctx context.Context, p *place) error {
	if r == nil {
		return nil
	}
	if answer, ok := r.shard(p.tenant.ID).find(p); ok {
		return answer.err
	}
	return r.find(ctx, *p) // a copy, so that only who gets here has p on the heap
}

func (r *readiness) shard(id tenancy.ID) *readyShard {
	return &r.shards[maphash.String(r.seed, string(id))%readyShards]
}

// find asks, once for all who want to know. The answer does not end with the
// context of the one who happens to ask.
func (r *readiness) find(ctx context.Context, p place) error {
	shard := r.shard(p.tenant.ID)
	ask := func() readyAnswer { return shard.keep(&p, r.answer(context.WithoutCancel(ctx), p.tenant)) }
	flight := r.flights.DoChan(string(p.tenant.ID), func() (any, error) {
		if answer, ok := shard.find(&p); ok { // another flight may have landed meanwhile
			return answer, nil
		}
		return ask(), nil
	})
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case landed := <-flight:
		answer := landed.Val.(readyAnswer) //nolint:forcetypeassert // it is what the flight returns
		if !answer.fits(&p) {              // it was asked about an older record
			answer = ask()
		}
		return answer.err
	}
}

func (r *readiness) answer(ctx context.Context, t tenancy.Tenant) (err error) {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	defer panicked.As(&err, "Config.Ready")
	return r.ask(ctx, t)
}

// find returns what was said of the record, if anything was.
func (s *readyShard) find(p *place) (readyAnswer, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	answer, ok := s.known[p.tenant.ID]
	if !ok || !answer.fits(p) || answer.err != nil && time.Now().After(answer.until) {
		return readyAnswer{}, false
	}
	return answer, true
}

func (s *readyShard) keep(p *place, err error) readyAnswer {
	answer := readyAnswer{about: *p}
	if err != nil {
		answer.err = fmt.Errorf("driver: nothing was sent: %s: %w", p.tenant, err)
		answer.until = time.Now().Add(readyRetry)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known[p.tenant.ID].about.tenant.Version > p.tenant.Version {
		return answer // p is from a context that is older than what is known
	}
	if len(s.known) >= readyKept {
		clear(s.known) // they are asked about again
	}
	s.known[p.tenant.ID] = answer
	return answer
}

// fits reports whether the answer is about that record, or a newer one of the same place.
func (a *readyAnswer) fits(p *place) bool {
	return a.about.tenant.Version >= p.tenant.Version && samePlace(&a.about.tenant, &p.tenant)
}
