package migrate

import (
	"context"
	"errors"
	"fmt"
	"sync"

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
// those in the home in few queries, and hands those that need more to lanes.
type walk struct {
	*Runner

	match func(tenancy.Tenant) bool
	// broken is told of a tenant that has no place, or whose record is broken.
	broken func(tenancy.Tenant, error)
	// shared is called for each tenant in shared tables.
	shared func()
	// planned is told the state of a place in the home, and says whether it has to be worked at.
	planned func(ctx context.Context, p *place, s *state) bool
	// work is called on a lane, with no state for a database that nobody has looked at.
	work func(ctx context.Context, p *place, s *state)
	// width is how many work at once on a server.
	width int

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
	err := w.read(ctx)
	for _, lane := range w.lanes {
		close(lane)
	}
	w.wait.Wait()
	return err
}

func (w *walk) read(ctx context.Context) error {
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
			if err := w.inHome(ctx, chunk); err != nil {
				return err
			}
			chunk, size = nil, min(2*size, chunkSize)
		}
	}
	return w.inHome(ctx, chunk)
}

// inHome tells the states of schemas in the home.
func (w *walk) inHome(ctx context.Context, chunk []*place) error {
	if len(chunk) == 0 {
		return nil
	}
	schemas := make([]string, len(chunk))
	for i, p := range chunk {
		schemas[i] = p.schema
	}
	states, err := w.survey(ctx, w.config.Home, schemas)
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
	lane, ok := w.lanes[j.place.server]
	if !ok {
		lane = make(chan job, laneSize)
		w.lanes[j.place.server] = lane
		for range w.width {
			w.wait.Go(func() { w.serve(ctx, lane) })
		}
	}
	lane <- j
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
