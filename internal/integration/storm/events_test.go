package storm

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// killer ends a random session of the application for each order in s.kill,
// until that is closed. It returns when all of them have ended: a server that is
// busy takes its time over it.
func (s *storm) killer(ctx context.Context) {
	var killed []int32
	for range s.kill {
		err := connected(ctx, s.world.server.Admin(), func(ctx context.Context, conn *pgx.Conn) error {
			const kill = "SELECT pid FROM pg_stat_activity WHERE usename <> current_user ORDER BY random() LIMIT 1"
			rows, err := conn.Query(ctx, "SELECT pid FROM ("+kill+") a WHERE pg_terminate_backend(pid)")
			if err != nil {
				return err
			}
			pids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
			killed = append(killed, pids...)
			s.kills.Add(int64(len(pids)))
			return err
		})
		if err != nil {
			s.explain("killing a session", err, circumstances{})
		}
	}
	err := connected(ctx, s.world.server.Admin(), func(ctx context.Context, conn *pgx.Conn) error {
		for left := 1; left > 0; time.Sleep(10 * time.Millisecond) {
			if err := conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE pid = ANY ($1)", killed).Scan(&left); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.explain("waiting for the sessions to end", err, circumstances{})
	}
}

// alter changes the tables of some places and not of others. Nothing that an
// application knows changes its meaning.
func (s *storm) alter(t *testing.T, random *rand.Rand, event int) {
	places := s.world.places()
	for _, p := range places {
		if random.IntN(2) == 0 {
			continue
		}
		alterations := []string{
			fmt.Sprintf("ADD COLUMN extra_%d int NOT NULL DEFAULT %d", event, event),
			fmt.Sprintf("ALTER COLUMN note TYPE varchar(%d)", 100+event),
			"ALTER COLUMN total TYPE integer",
			"ALTER COLUMN total TYPE bigint",
		}
		run(t, p.admin, "ALTER TABLE "+p.table("orders")+" "+alterations[random.IntN(len(alterations))])
	}
}

func (p place) table(name string) string { return pgx.Identifier{p.schema, name}.Sanitize() }

// move takes a tenant to its next place.
func (s *storm) move(t *testing.T, moving *tenant) {
	from := moving.places[moving.at]
	moving.at = (moving.at + 1) % len(moving.places)
	func() {
		moving.writing.Lock()
		defer moving.writing.Unlock()
		copyRows(t, string(moving.id), from, moving.places[moving.at])
		moving.register(moving.record.Load().Version + 1)
	}()
	// Nobody has the old record any more once this is held. Whoever reads in the
	// old place from then on is found out.
	moving.using.Lock()
	defer moving.using.Unlock()
	run(t, from.admin, fmt.Sprintf("UPDATE %s SET note = 'left behind' WHERE tenant_id = '%s'", from.table("orders"), moving.id))
}

// copyRows copies a tenant's rows. Orders get ids of their new place, where
// others may have the old ones.
func copyRows(t *testing.T, id string, from, to place) {
	t.Helper()
	var orders, items [][]any
	on(t, from.admin, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginTxFunc(ctx, conn, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, func(tx pgx.Tx) (err error) {
			if orders, err = read(ctx, tx, "SELECT tenant_id, number, note, total FROM "+from.table("orders")+" WHERE tenant_id = $1", id); err != nil {
				return err
			}
			items, err = read(ctx, tx, "SELECT id, tenant_id, sku, price FROM "+from.table("items")+" WHERE tenant_id = $1", id)
			return err
		})
	})
	on(t, to.admin, func(ctx context.Context, conn *pgx.Conn) error {
		return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
			for _, table := range []string{to.table("items"), to.table("orders")} { // from an earlier stay
				if _, err := tx.Exec(ctx, "DELETE FROM "+table+" WHERE tenant_id = $1", id); err != nil {
					return err
				}
			}
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{to.schema, "orders"}, []string{"tenant_id", "number", "note", "total"}, pgx.CopyFromRows(orders)); err != nil {
				return err
			}
			if _, err := tx.CopyFrom(ctx, pgx.Identifier{to.schema, "items"}, []string{"id", "tenant_id", "sku", "price"}, pgx.CopyFromRows(items)); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, fmt.Sprintf("UPDATE %s i SET order_items = o.id FROM %s o WHERE (o.tenant_id, o.number) = (i.tenant_id, i.sku) AND i.tenant_id = $1",
				to.table("items"), to.table("orders")), id)
			return err
		})
	})
}

func read(ctx context.Context, tx pgx.Tx, query, id string) ([][]any, error) {
	rows, err := tx.Query(ctx, query, id)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) ([]any, error) {
		values, err := r.Values()
		return slices.Clone(values), err
	})
}
