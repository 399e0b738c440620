package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"sync/atomic"

	"entgo.io/ent/dialect"
	gomysql "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// fuse cuts all connections of a process for good at one of its messages to the
// server: before that is sent, or between it and its answer. To the server it is
// as if the process had been killed there.
type fuse struct {
	left  atomic.Int64
	blown atomic.Bool
	after bool // the message that blows it is sent
}

var errBlown = errors.New("the process is dead")

// never is more messages than a test sends.
const never = 1 << 40

func (f *fuse) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if f.blown.Load() {
		return nil, errBlown
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &fused{conn, f}, err
}

type fused struct {
	net.Conn
	*fuse
}

func (c *fused) Write(b []byte) (int, error) {
	left := c.left.Add(-1)
	switch {
	case c.blown.Load() || left < 0:
		c.blown.Store(true)
		c.Close()
		return 0, errBlown
	case left == 0:
		c.blown.Store(true)
		if c.after {
			n, err := c.Conn.Write(b)
			// The server works on it, and finds nobody to answer.
			return n, err
		}
		c.Close()
		return 0, errBlown
	}
	return c.Conn.Write(b)
}

func (c *fused) Read(b []byte) (int, error) {
	if c.blown.Load() {
		c.Close()
		return 0, errBlown
	}
	n, err := c.Conn.Read(b)
	if c.blown.Load() {
		return 0, errBlown
	}
	return n, err
}

// fusedDB opens the home as its owner, for one process that will be dead at the
// given message.
func (w *world) fusedDB(f *fuse) *sql.DB {
	w.t.Helper()
	var db *sql.DB
	if w.dialect == dialect.Postgres {
		config, err := pgx.ParseConfig(w.owner)
		if err != nil {
			w.t.Fatal(err)
		}
		config.DialFunc = f.dial
		db = stdlib.OpenDB(*config)
	} else {
		config, err := gomysql.ParseDSN(w.owner)
		if err != nil {
			w.t.Fatal(err)
		}
		config.DialFunc = f.dial
		config.Logger = &gomysql.NopLogger{}
		connector, err := gomysql.NewConnector(config)
		if err != nil {
			w.t.Fatal(err)
		}
		db = sql.OpenDB(connector)
	}
	w.t.Cleanup(func() { db.Close() })
	return db
}
