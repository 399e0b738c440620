package namespace

import (
	"context"
	"crypto/sha256"
	"database/sql"
	sqldriver "database/sql/driver"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// Locker keeps others from a tenant while something is done to it. It waits until
// they are done, or ctx is over. Who gets an error has no lock.
//
// A lock that a session has ends with it, as when the server is restarted or somebody
// ends the session, and who had it is not told. What is kept apart then is what has
// locks of its own: making and dropping a namespace, and migrating it.
type Locker func(ctx context.Context, id tenancy.ID) (unlock func(), err error)

// PostgresLocker returns a Locker for all processes that use one PostgreSQL
// database. It holds a connection, and an advisory lock of its session, until it
// is unlocked: db must not go through a pooler in transaction mode, and needs one
// connection more for each tenant that something is done to at once.
//
// It asks for the lock again and again. To wait in the server would be a transaction
// as long as the wait, for whose end others wait: an erasure of rows, or CREATE
// INDEX CONCURRENTLY, which may be what the lock's holder is at.
//
// The session does not end for being idle, whatever its idle_session_timeout.
func PostgresLocker(db *sql.DB) Locker {
	// A server without the setting, before version 14, has no row of it.
	const idle = ", (SELECT set_config('idle_session_timeout', %s, false) FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout')"
	return func(ctx context.Context, id tenancy.ID) (func(), error) {
		sum := sha256.Sum256([]byte("tenancy:lifecycle:" + string(id)))
		key := int64(binary.BigEndian.Uint64(sum[:])) //nolint:gosec // any 64 bits are a key
		lock := func(conn *sql.Conn) error {
			return tryUntil(ctx, conn, fmt.Sprintf("SELECT pg_try_advisory_lock(%d)"+idle, key, "'0'"))
		}
		return lockSession(ctx, db, id, lock, fmt.Sprintf("SELECT pg_advisory_unlock(%d)"+idle, key, "reset_val"))
	}
}

// tryUntil asks until the answer is true.
func tryUntil(ctx context.Context, conn *sql.Conn, lock string) error {
	for try := 0; ; try = min(try+1, maxTries) {
		var got bool
		var idle sql.NullString
		if err := conn.QueryRowContext(ctx, lock).Scan(&got, &idle); err != nil || got {
			return err
		}
		if err := backOff(ctx, try); err != nil {
			return err
		}
	}
}

// MySQLLocker is PostgresLocker for all processes that use one server of MySQL or
// MariaDB, and their wait_timeout.
func MySQLLocker(db *sql.DB) Locker {
	return func(ctx context.Context, id tenancy.ID) (func(), error) {
		sum := sha256.Sum256([]byte(id))
		name := "'tenancy:lifecycle:" + hex.EncodeToString(sum[:20]) + "'"
		lock := func(conn *sql.Conn) error {
			// The most that there is on all systems, which is 24 days.
			if _, err := conn.ExecContext(ctx, "SET @tenancy_wait_timeout = @@SESSION.wait_timeout, SESSION wait_timeout = 2147483"); err != nil {
				return err
			}
			return waitFor(ctx, conn, "SELECT COALESCE(GET_LOCK("+name+", 1000000), 0)")
		}
		return lockSession(ctx, db, id, lock, "DO RELEASE_LOCK("+name+")", "SET SESSION wait_timeout = @tenancy_wait_timeout")
	}
}

// waitFor waits in the server. The lock is there if that answers 1: MariaDB has no
// error for one who was made to stop waiting.
func waitFor(ctx context.Context, conn *sql.Conn, lock string) error {
	var got int
	if err := conn.QueryRowContext(ctx, lock).Scan(&got); err != nil {
		return err
	}
	if got != 1 {
		return errors.New("the server ended the wait")
	}
	return nil
}

// lockSession holds a connection. One of which nobody knows whether it still has
// the lock is closed.
func lockSession(ctx context.Context, db *sql.DB, id tenancy.ID, lock func(*sql.Conn) error, unlock ...string) (func(), error) {
	conn, err := db.Conn(ctx)
	if err == nil {
		if err = lock(conn); err == nil {
			return func() { release(ctx, conn, unlock) }, nil
		}
		discard(conn)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return nil, fmt.Errorf("namespace: waiting for the lock of tenant %q: %w", id, pgerror.WithoutConfig(err))
}

func release(ctx context.Context, conn *sql.Conn, unlock []string) {
	for _, statement := range unlock {
		if _, err := conn.ExecContext(context.WithoutCancel(ctx), statement); err != nil {
			discard(conn)
			return
		}
	}
	_ = conn.Close() // it only gives the connection back
}

// discard closes a connection for good, and with it all that its session has.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // what it returns is what it was told
	_ = conn.Close()                                              // closed already
}

// NewLocker returns a Locker for one process.
func NewLocker() Locker {
	var mu sync.Mutex
	held := map[tenancy.ID]chan struct{}{}
	return func(ctx context.Context, id tenancy.ID) (func(), error) {
		for {
			mu.Lock()
			other, taken := held[id]
			if !taken {
				done := make(chan struct{})
				held[id] = done
				mu.Unlock()
				return func() {
					mu.Lock()
					delete(held, id)
					mu.Unlock()
					close(done)
				}, nil
			}
			mu.Unlock()
			select {
			case <-other:
			case <-ctx.Done():
				return nil, fmt.Errorf("namespace: waiting for the lock of tenant %q: %w", id, context.Cause(ctx))
			}
		}
	}
}
