package storm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const workersPerTenant = 3

// TestStorm is what the package comment says.
func TestStorm(t *testing.T) {
	s := &storm{world: newWorld(t), kill: make(chan struct{}, 1), errors: map[string]int{}}
	s.hire()
	end := s.begin(t)
	defer end()
	events := s.weather(t)
	if end(); t.Failed() {
		return
	}
	s.report(t, events)
	s.verify(t)
}

// hire makes workers for all tenants.
func (s *storm) hire() {
	for i, tenant := range s.world.tenants {
		for n := range workersPerTenant {
			s.workers = append(s.workers, &worker{
				storm: s, client: s.world.client, tenant: tenant, name: fmt.Sprintf("w%d", n),
				random: rand.New(rand.NewPCG(uint64(i), uint64(n))), memory: newMemory(),
			})
		}
	}
}

// begin has everybody work until end is called, which fails the test for what
// went wrong. Connections are killed all the while.
func (s *storm) begin(t *testing.T) (end func()) {
	t.Helper()
	stop := make(chan struct{})
	var working, killing sync.WaitGroup
	for _, w := range s.workers {
		working.Go(func() { w.work(stop) })
	}
	killing.Go(func() { s.killer(t.Context()) })
	return sync.OnceFunc(func() {
		close(stop)
		working.Wait()
		close(s.kill)
		killing.Wait()
		for _, failure := range s.failures {
			t.Error(failure)
		}
	})
}

// weather lets things happen, and service resume after each of them.
func (s *storm) weather(t *testing.T) (events int) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	moving := s.world.tenants[len(s.world.tenants)-1]
	alter := func() { s.alter(t, random, events) }
	move := func() { s.move(t, moving) }
	restart := func(how servers.Shutdown) func() {
		return func() { s.world.server.Restart(t, how) }
	}
	round := []func(){alter, move, restart(servers.Fast), move, alter, restart(servers.Immediate), move}
	least, until := len(round)+1, time.Now()
	if os.Getenv("TENANCY_TEST_SLOW") == "1" {
		until = until.Add(time.Minute)
	}
	s.awaitProgress(t, "the beginning")
	for ; events < least || time.Now().Before(until); events++ {
		round[events%len(round)]()
		s.awaitProgress(t, fmt.Sprintf("event %d", events))
	}
	return events
}

// awaitProgress returns when every worker has succeeded several times more.
func (s *storm) awaitProgress(t *testing.T, after string) {
	t.Helper()
	const more = 8
	want := make([]int64, len(s.workers))
	for i, w := range s.workers {
		want[i] = w.answers.Load() + more
	}
	deadline := time.Now().Add(patience)
	for i, w := range s.workers {
		for w.answers.Load() < want[i] {
			switch {
			case s.failed():
				t.FailNow()
			case time.Now().After(deadline):
				t.Fatalf("after %s, %s of %s makes no progress; its latest error is: %s", after, w.name, w.tenant.id, *w.failure.Load())
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// failed reports whether something has gone wrong already.
func (s *storm) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.failures) > 0
}
