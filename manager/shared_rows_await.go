package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// The pauses between two looks at what is under way.
const (
	shortestPause = 10 * time.Millisecond
	longestPause  = 500 * time.Millisecond
)

// underWay finds the transactions of clients in the database, but for its own. A
// transaction has a virtual id from its beginning on, and holds the lock of it to
// its end, which every role may see. The ids that pg_snapshot_xmin knows would not
// do: a transaction has none before it first writes, and the tenant's may be about to,
// while one of another database, which cannot, would be waited for. Workers of the
// server itself, such as autovacuum, have no user.
const underWay = `SELECT l.virtualxid, l.pid::text FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND l.granted AND l.mode = 'ExclusiveLock'
AND a.datname = pg_catalog.current_database() AND a.usesysid IS NOT NULL AND l.pid <> pg_catalog.pg_backend_pid()`

// prepared finds those that have no process any more and wait for COMMIT PREPARED.
const prepared = `SELECT transaction::text, transaction::text FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database()`

// await waits until the transactions have ended that are under way. The tenant is
// not served any more, but one of them can be its own and write rows that no DELETE
// sees yet. On MySQL a DELETE waits for those itself, and SQLite has one writer.
func (r *sharedRows) await(ctx context.Context, limit time.Duration) error {
	if r.Driver.Dialect() != dialect.Postgres {
		return nil
	}
	ctx = actingFor(ctx, r.tenant)
	deadline := time.Now().Add(limit)
	if left, err := r.awaitThose(ctx, underWay, deadline); err != nil || len(left) > 0 {
		return r.heldUp(err, limit, left, "those of the processes %s of the server, see pg_stat_activity")
	}
	// What was under way has ended by now, or was prepared.
	left, err := r.awaitThose(ctx, prepared, deadline)
	return r.heldUp(err, limit, left, "those prepared as %s, see pg_prepared_xacts")
}

// awaitThose waits for the transactions that a query finds now, and returns those that
// are left at the deadline.
func (r *sharedRows) awaitThose(ctx context.Context, query string, deadline time.Time) ([]transaction, error) {
	left, err := r.transactions(ctx, query)
	for pause := shortestPause; err == nil && len(left) > 0 && time.Now().Before(deadline); pause = min(2*pause, longestPause) {
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("manager: erasing the rows of %s: waiting for transactions: %w", r.tenant, context.Cause(ctx))
		case <-time.After(min(pause, time.Until(deadline))):
		}
		var now []transaction
		now, err = r.transactions(ctx, query)
		left = slices.DeleteFunc(left, func(t transaction) bool { return !slices.Contains(now, t) })
	}
	return left, err
}

// transaction is one by an id that no other one gets, and what an operator finds it by.
type transaction struct{ id, shown string }

func (r *sharedRows) transactions(ctx context.Context, query string) (all []transaction, err error) {
	var rows entsql.Rows
	if err := r.Driver.Query(ctx, query, []any{}, &rows); err != nil {
		return nil, fmt.Errorf("manager: erasing the rows of %s: looking for transactions: %w", r.tenant, err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t transaction
		if err := rows.Scan(&t.id, &t.shown); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// heldUp names the transactions that are left, if there are any.
func (r *sharedRows) heldUp(err error, limit time.Duration, left []transaction, which string) error {
	if err != nil || len(left) == 0 {
		return err
	}
	shown := make([]string, len(left))
	for i, t := range left {
		shown[i] = t.shown
	}
	return fmt.Errorf("manager: erasing the rows of %s: after %s there are still transactions from before, which may write more of them: "+
		"nothing was erased; end them ("+which+") or wait, and erase again",
		r.tenant, limit, strings.Join(shown, ", "))
}
