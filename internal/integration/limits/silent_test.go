package limits_test

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy/ratelimit"
)

// silent is the address of a Redis that takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var busy sync.WaitGroup
	var conns []net.Conn
	busy.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns = append(conns, conn)
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		busy.Wait()
		for _, conn := range conns {
			_ = conn.Close()
		}
	})
	return listener.Addr().String()
}

// Clients go on reading when their context is over, here without an end. Nobody waits
// for them longer than the Timeout, or for as long as the caller's own context.
func TestFallbackWhenRedisIsSilent(t *testing.T) {
	t.Parallel()
	address := silent(t)
	for name, client := range map[string]redis.UniversalClient{
		"one":     redis.NewClient(&redis.Options{Addr: address, ReadTimeout: -1, MaxRetries: -1}),
		"cluster": redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{address}, ReadTimeout: -1, MaxRedirects: -1}),
	} {
		t.Cleanup(func() { _ = client.Close() })
		for hurry, deadline := range map[string]time.Duration{"": time.Minute, " in a hurry": time.Millisecond} {
			t.Run(name+hurry, func(t *testing.T) {
				t.Parallel()
				f, err := ratelimit.NewFallback(inRedis(t, client, ratelimit.RedisConfig{}), ratelimit.FallbackConfig{
					Timeout: 50 * time.Millisecond, RetryAfter: time.Hour, Logger: slog.New(slog.DiscardHandler),
				})
				if err != nil {
					t.Fatal(err)
				}
				for began := time.Now(); !f.Stats().Away; {
					if time.Since(began) > 10*time.Second {
						t.Fatalf("the outage is not noticed; stats are %+v", f.Stats())
					}
					ctx, cancel := context.WithTimeout(t.Context(), deadline)
					got, err := f.Allow(ctx, "acme", perHour(1000))
					cancel()
					if deadline < time.Second && errors.Is(err, context.DeadlineExceeded) {
						continue // the first ones in a hurry go before the outage is noticed
					}
					if err != nil || !got.Allowed {
						t.Fatalf("got %+v and %v", got, err)
					}
				}
				allow(t, f, "acme", perHour(1000))
				if s := f.Stats(); !s.Away || s.Outages != 1 || s.Local == 0 {
					t.Errorf("stats are %+v", s)
				}
			})
		}
	}
}
