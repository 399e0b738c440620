package noninterference

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// run is a program's run in a place, all of whose rows it begins by removing.
type run struct {
	cell       Cell
	place      *Place
	client     *ent.Client
	ctx        context.Context // The run's, from which come those of the tenants.
	tenants    []*tenant
	concurrent bool

	// killing is held while connections are killed. Who has lost one waits for
	// the end of that: then what it was doing is done or not, and stays so.
	killing sync.RWMutex
	// losses is how many more errors of lost connections the kills account for.
	losses atomic.Int64
	steps  atomic.Int64
}

func newRun(ctx context.Context, cell Cell, place *Place) (*run, error) {
	r := &run{cell: cell, place: place, client: place.Client(), ctx: ctx}
	for number := range place.Tenants {
		r.tenants = append(r.tenants, newTenant(r, number))
	}
	r.losses.Store(int64(place.Connections)) // the run before may have left dead ones
	err := place.Reset(ctx)
	for range place.Connections {
		if err == nil || !isLost(err) {
			break
		}
		err = place.Reset(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("resetting the place: %w", err)
	}
	return r, nil
}

// violation is an answer that the tenant's model does not give.
type violation struct{ got, want string }

// Error implements error.
func (v *violation) Error() string { return fmt.Sprintf("got\n%s\nwant\n%s", v.got, v.want) }

// sequential does one step after the other.
func (r *run) sequential(p program) error {
	defer r.end()
	for i, s := range p {
		if err := r.step(s); err != nil {
			return fmt.Errorf("step %d, %w", i+1, err)
		}
	}
	return r.full()
}

func (r *run) step(s step) error {
	r.steps.Add(1)
	if err := r.tenants[s.tenant].do(s); err != nil {
		return fmt.Errorf("%s: %w", s, err)
	}
	return nil
}

// parallel has each tenant do its steps one after the other, at the same time
// as the others do theirs.
func (r *run) parallel(p program) error {
	defer r.end()
	r.concurrent = true
	errs := make([]error, len(r.tenants))
	var wg sync.WaitGroup
	for i := range r.tenants {
		wg.Go(func() {
			defer r.tenants[i].rollback() // others may be waiting for it
			for _, s := range p.of(i) {
				if errs[i] = r.step(s); errs[i] != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.full()
}

// full reads all rows of all tenants.
func (r *run) full() error {
	for _, t := range r.tenants {
		t.rollback()
	}
	last := &operation{name: "read everything at the end", run: readEverything, want: wantEverything}
	for number, t := range r.tenants {
		for {
			answer, err := t.ordinary(step{tenant: number, op: last})
			if err != nil {
				return fmt.Errorf("%s: %s: %w", mark(number), last.name, err)
			}
			if answer != string(lost) {
				break
			}
		}
	}
	return nil
}

// end leaves no transaction open.
func (r *run) end() {
	for _, t := range r.tenants {
		t.rollback()
	}
}

// kill ends all connections, each of which may be found dead once.
func (r *run) kill(ctx context.Context) error {
	r.killing.Lock()
	defer r.killing.Unlock()
	r.losses.Add(int64(r.place.Connections))
	return r.place.Kill(context.WithoutCancel(ctx))
}

// mayLose reports whether an error says that a connection is gone, and one has
// been killed. It returns when that is over.
func (r *run) mayLose(err error) bool {
	if !isLost(err) {
		return false
	}
	r.killing.RLock()
	defer r.killing.RUnlock()
	return r.losses.Add(-1) >= 0
}

// mayWait reports whether an error is that of one transaction in the way of
// another, where that is no fault.
func (r *run) mayWait(err error) bool { return r.concurrent && r.cell.OneWriter && isContention(err) }

// settle has what was interrupted done or not. A server may go on with a
// statement that its client has given up, but not without the connection.
func (r *run) settle() error {
	if r.place.Kill == nil {
		return nil
	}
	return r.kill(r.ctx)
}

// transcript is what one tenant was told.
func (r *run) transcript(tenant int) string { return strings.Join(r.tenants[tenant].transcript, "\n") }
