package storm

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// worker acts for one tenant, on orders of its own.
type worker struct {
	storm  *storm
	client *ent.Client
	tenant *tenant
	name   string
	random *rand.Rand
	memory
	last    int // number that an order got
	answers atomic.Int64
	failure atomic.Pointer[string] // the latest
}

// work goes on until stop is closed.
func (w *worker) work(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		default:
		}
		if !w.step() { // the server may be away
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// step does something at random, and reports whether it succeeded.
func (w *worker) step() bool {
	op := operations[w.random.IntN(len(operations))]
	if op.writes {
		w.tenant.writing.RLock()
		defer w.tenant.writing.RUnlock()
	}
	w.tenant.using.RLock()
	defer w.tenant.using.RUnlock()
	record := w.tenant.record.Load()
	ctx, cancel := context.WithTimeout(tenancy.NewContext(context.Background(), *record), patience)
	defer cancel()
	cancelled := w.mayCancel(cancel)
	changes, err := op.do(w, ctx)
	w.learn(changes, err)
	w.storm.maybeKill(w.random)
	if err == nil {
		w.answers.Add(1)
		return true
	}
	w.storm.explain(fmt.Sprintf("%s of %s: %s", w.name, w.tenant.id, op.name), err, circumstances{
		cancelled: cancelled.Load(), inTx: op.inTx, moved: record != w.tenant.record.Load(),
	})
	text := err.Error()
	w.failure.Store(&text)
	return false
}

// mayCancel ends one context in twelve, at once or in a moment.
func (w *worker) mayCancel(cancel context.CancelFunc) *atomic.Bool {
	cancelled := new(atomic.Bool)
	if w.random.IntN(12) > 0 {
		return cancelled
	}
	time.AfterFunc(time.Duration(w.random.IntN(4000))*time.Microsecond, func() {
		cancelled.Store(true)
		cancel()
	})
	return cancelled
}

// learn notes what an operation has done.
func (w *worker) learn(changes []change, err error) {
	switch {
	case err == nil:
		w.done(changes)
	case len(changes) > 0 && !isCertain(err):
		w.doubt(changes)
		w.storm.doubts.Add(1)
	}
}

// note is the text of each of a tenant's orders.
func (w *worker) note() string { return "of " + string(w.tenant.id) }

func (w *worker) newNumber() string {
	w.last++
	return fmt.Sprintf("%s-%d", w.name, w.last)
}

// anOrder returns one of the worker's orders, if there is any.
func (w *worker) anOrder() (string, row, bool) {
	skip := w.random.IntN(max(1, len(w.rows)))
	for number, known := range w.rows {
		if skip == 0 {
			return number, known, true
		}
		skip--
	}
	return "", row{}, false
}

// found checks an order that the tenant sees.
func (w *worker) found(tenantID, number, note string, r row) error {
	if tenantID != string(w.tenant.id) || note != w.note() {
		return wrongf("a row of tenant %q with the note %q", tenantID, note)
	}
	if owner(number) != w.name {
		return nil
	}
	return w.check(number, r)
}

// storm is what the workers share.
type storm struct {
	world   *world
	workers []*worker
	kill    chan struct{}
	doubts  atomic.Int64
	kills   atomic.Int64

	mu       sync.Mutex
	errors   map[string]int // by meaning
	failures []string
}

// explain counts an error, and makes it a failure of the test if it has no
// business here.
func (s *storm) explain(where string, err error, c circumstances) {
	kind := ""
	if text := new(wrong); !errors.As(err, text) {
		kind = meaning(err, c)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, secret := range s.world.secrets {
		if strings.Contains(err.Error(), secret) {
			s.failures = append(s.failures, where+": the error holds a password")
			return
		}
	}
	if kind == "" {
		s.failures = append(s.failures, fmt.Sprintf("%s: %v (%T, %+v)", where, err, err, c))
		return
	}
	s.errors[kind]++
}

// maybeKill has a connection killed, once in so many operations.
func (s *storm) maybeKill(random *rand.Rand) {
	if random.IntN(100) > 0 {
		return
	}
	select {
	case s.kill <- struct{}{}:
	default: // one is about to die
	}
}
