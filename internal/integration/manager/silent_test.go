package manager_test

import (
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// Redis takes connections and says nothing. Limits are held without it, and no
// connection waits for it longer than that takes to notice.
func TestLimitsWhenRedisIsSilent(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	given := make(chan error, 1) // what became of the first connection
	var busy sync.WaitGroup
	busy.Go(func() {
		conn, err := listener.Accept()
		if err == nil {
			_, err = io.Copy(io.Discard, conn)
			err = errors.Join(err, conn.Close())
		}
		given <- err
	})
	t.Cleanup(func() {
		must(t, listener.Close())
		busy.Wait()
	})
	c := sqliteConfig(t)
	c.Cache.Disabled = true // which leaves the limits alone with Redis
	c.Redis.URL = tenancy.NewSecret("redis://" + listener.Addr().String() + "/0?read_timeout=1h&max_retries=-1")
	c.RateLimit = manager.RateLimitConfig{Requests: 2, Window: time.Hour}
	m := open(t, c, manager.App{})

	for i, want := range []bool{true, true, false} {
		if got, err := m.Limits().Allow(t.Context(), tenancy.Tenant{ID: "acme"}); err != nil || got.Allowed != want {
			t.Errorf("request %d: got %+v and %v", i, got, err)
		}
	}
	select {
	case err := <-given:
		must(t, err)
	case <-time.After(time.Minute):
		t.Error("a connection still waits for Redis")
	}
}
