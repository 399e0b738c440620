package migrate

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
)

// chunkSize is how many tenants are held at a time. The first chunks are smaller,
// so that work begins soon.
const (
	chunkSize  = atOnce
	firstChunk = 25
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
	// planned is told the state of a place in the home, and says whether it has to
	// be worked at. It is called for several places at once.
	planned func(ctx context.Context, p *place, s *state) bool
	// work is called on a lane, with no state for a database that nobody has looked at.
	work func(ctx context.Context, p *place, s *state)
	// width is how many work at once on a server.
	width int

	mu    sync.Mutex // for lanes
	lanes map[string]chan job
	wait  sync.WaitGroup
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
	err := w.read(ctx, func(chunk []*place) bool {
		surveys.Go(func() error { return w.inHome(ctx, surveying, chunk) })
		return surveying.Err() == nil
	})
	err = errors.Join(err, surveys.Wait())
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

// inHome tells the states of schemas in the home. The work that comes of it goes
// on when another survey fails.
func (w *walk) inHome(ctx, surveying context.Context, chunk []*place) error {
	schemas := make([]string, len(chunk))
	for i, p := range chunk {
		schemas[i] = p.schema
	}
	states, err := w.survey(surveying, w.config.Home, schemas)
	if err != nil {
		return errors.Join(err, context.Cause(ctx))
	}
	for _, p := range chunk {
		if s := states[p.schema]; w.planned(ctx, p, s) {
			w.enqueue(ctx, job{place: p, state: s})
		}
	}
	return nil
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
