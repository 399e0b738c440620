package migrate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
)

// chunkSize is how many tenants are held at a time. The first chunks are smaller,
// so that work begins soon, and the rest can be guessed.
const (
	chunkSize  = atOnce
	firstChunk = 8
)

// laneSize is how many tenants wait for one server while others go on.
const laneSize = 1000

// walk goes through all tenants once: it reads them in chunks, tells the state of
// those in the home in few queries, and hands those that need more to lanes. Two
// chunks or more are asked about at a time: most of what it costs a server is to
// look at tables that the connection has not seen before.
type walk struct {
	*Runner

	match func(tenancy.Tenant) bool
	// broken is told of a tenant that has no place, or whose record is broken.
	broken func(tenancy.Tenant, error)
	// shared is called for each tenant in shared tables.
	shared func()
	// settle is told the state of a place in the home, unless it is guessed, and says
	// whether that was all: if not, it is worked at. It is called for several places at once.
	settle func(ctx context.Context, p *place, s *state) (settled bool)
	// work is called on a lane, with no state for a database that nobody has looked at.
	work func(ctx context.Context, p *place, s *state)
	// guess says whether places may be worked at as if they were in a state that was
	// planned for, since the work itself finds out if they are not. Nil is never.
	guess func(s *state) bool
	// width is how many work at once on a server.
	width int

	mu     sync.Mutex // for lanes
	lanes  map[string]chan job
	wait   sync.WaitGroup
	likely atomic.Pointer[state] // what the next places are likely to be in, nil to ask
}

type job struct {
	place *place
	state *state
}

// run returns when all work is done. It ends early with the context, or with an
// error of the tenants' source.
func (w *walk) run(ctx context.Context) error {
	w.lanes = map[string]chan job{}
	surveys, surveying := errgroup.WithContext(ctx)
	surveys.SetLimit(max(2, w.config.Concurrency))
	var begun bool
	var failed error
	err := w.read(ctx, func(chunk []*place) bool {
		if !begun { // alone, because it says what to expect of the others
			begun, failed = true, w.inHome(ctx, surveying, chunk)
			return failed == nil
		}
		surveys.Go(func() error { return w.inHome(ctx, surveying, chunk) })
		return surveying.Err() == nil
	})
	err = errors.Join(err, failed, surveys.Wait())
	for _, lane := range w.lanes {
		close(lane)
	}
	w.wait.Wait()
	return err
}

// read goes through the tenants, and hands on those in the home for as long as
// inHome says that it is worth it.
func (w *walk) read(ctx context.Context, inHome func([]*place) bool) error {
	if w.config.Tenants == nil {
		return errNoTenants
	}
	var chunk []*place
	size := firstChunk
	for t, err := range w.config.Tenants(ctx) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		switch {
		case err != nil && t.ID == "":
			return fmt.Errorf("migrate: reading the tenants: %w", err)
		case err != nil:
			w.broken(t, err)
			continue
		case !w.config.migrates(t.Status) || !w.match(t):
			continue
		}
		p, err := w.placeOf(ctx, t)
		switch {
		case err != nil:
			w.broken(t, err)
		case p == nil:
			w.shared()
		case p.own:
			w.enqueue(ctx, job{place: p})
		default:
			chunk = append(chunk, p)
		}
		if len(chunk) == size {
			if !inHome(chunk) {
				return nil
			}
			chunk, size = nil, min(2*size, chunkSize)
		}
	}
	if len(chunk) > 0 {
		inHome(chunk)
	}
	return nil
}

// inHome tells the states of schemas in the home, or guesses them: a fleet that is
// behind is behind by the same version nearly everywhere. The work that comes of it
// goes on when another survey fails.
func (w *walk) inHome(ctx, surveying context.Context, chunk []*place) error {
	if s := w.likely.Load(); s != nil {
		for _, p := range chunk {
			w.enqueue(ctx, job{place: p, state: s})
		}
		return nil
	}
	schemas := make([]string, len(chunk))
	for i, p := range chunk {
		schemas[i] = p.schema
	}
	states, err := w.survey(surveying, w.config.Home, schemas)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	for _, p := range chunk {
		if s := states[p.schema]; !w.settle(ctx, p, s) {
			w.enqueue(ctx, job{place: p, state: s})
		}
	}
	w.expect(states)
	return nil
}

// expect notes the state of the next places, if those before are all in one that may be guessed.
func (w *walk) expect(states map[string]*state) {
	if w.guess == nil {
		return
	}
	var likely *state
	for _, s := range states {
		if likely != nil && s.key() != likely.key() {
			return
		}
		likely = s
	}
	if likely.recorded && likely.count > 0 && w.guess(likely) {
		guessed := *likely
		guessed.guessed = true
		w.likely.Store(&guessed)
	}
}

// surprised has the places after this asked for their state, if this one's was guessed.
func (w *walk) surprised(s *state) { w.likely.CompareAndSwap(s, nil) }

// outdated reports whether a state was guessed, and would not be now.
func (w *walk) outdated(s *state) bool {
	if s == nil || !s.guessed {
		return false
	}
	likely := w.likely.Load()
	return likely == nil || likely != s && likely.key() != s.key()
}

// enqueue hands a place to the lane of its server. It waits where that is full.
func (w *walk) enqueue(ctx context.Context, j job) {
	w.lane(ctx, j.place.server) <- j
}

func (w *walk) lane(ctx context.Context, server string) chan job {
	w.mu.Lock()
	defer w.mu.Unlock()
	lane, ok := w.lanes[server]
	if !ok {
		lane = make(chan job, laneSize)
		w.lanes[server] = lane
		for range w.width {
			w.wait.Go(func() { w.serve(ctx, lane) })
		}
	}
	return lane
}

// serve works at a lane's places. When the context has ended it only empties the lane.
func (w *walk) serve(ctx context.Context, lane chan job) {
	for j := range lane {
		if ctx.Err() == nil {
			w.work(ctx, j.place, j.state)
		}
		if err := j.place.close(); err != nil {
			w.config.Logger.WarnContext(ctx, "migrate: closing a database", "tenant", j.place.tenant, "error", err)
		}
	}
}
