package limits_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client returns a client of the tests' Redis.
func client(tb testing.TB) *redis.Client {
	tb.Helper()
	c, _ := severable(tb)
	return c
}

// line is what a client has to its Redis. It can be cut.
type line struct{ cut atomic.Bool }

var errCut = errors.New("the line is cut")

// severable returns a client, and its line.
func severable(tb testing.TB) (*redis.Client, *line) {
	tb.Helper()
	options, err := redis.ParseURL(servers.Redis(tb))
	if err != nil {
		tb.Fatal("the URL of the tests' Redis is none")
	}
	options.MaxRetries, options.DialerRetries = -1, 1
	l := &line{}
	options.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
		if l.cut.Load() {
			return nil, errCut
		}
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		return &end{conn, l}, err
	}
	c := redis.NewClient(options)
	tb.Cleanup(func() { _ = c.Close() })
	return c, l
}

// end is a connection on a line.
type end struct {
	net.Conn
	line *line
}

func (e *end) Read(p []byte) (int, error) {
	if e.line.cut.Load() {
		return 0, errCut
	}
	return e.Conn.Read(p)
}

func (e *end) Write(p []byte) (int, error) {
	if e.line.cut.Load() {
		return 0, errCut
	}
	return e.Conn.Write(p)
}

// prefix returns what keys of this test begin with, and removes them afterwards.
func prefix(tb testing.TB, c *redis.Client) string {
	tb.Helper()
	p := "tenancy-test-" + rand.Text() + ":"
	tb.Cleanup(func() {
		ctx := context.WithoutCancel(tb.Context())
		keys := c.Scan(ctx, 0, "*"+p+"*", 1000).Iterator()
		for keys.Next(ctx) {
			if err := c.Del(ctx, keys.Val()).Err(); err != nil {
				tb.Error(err)
			}
		}
		if err := keys.Err(); err != nil {
			tb.Error(err)
		}
	})
	return p
}
