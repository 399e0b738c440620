package storm

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
)

// report says what happened, and whether it was enough to test anything.
func (s *storm) report(t *testing.T, events int) {
	t.Helper()
	answers := int64(0)
	for _, w := range s.workers {
		answers += w.answers.Load()
	}
	t.Logf("%d events, %d kills, %d answers, %d doubts, errors: %v", events, s.kills.Load(), answers, s.doubts.Load(), s.errors)
	const rarely = 12 // a storm with less would be none
	if s.kills.Load() < rarely || s.doubts.Load() < rarely || s.errors["cancelled"] < rarely || s.errors["connection refused"] == 0 {
		t.Error("too little happened: the test does not test")
	}
}

// verify looks at what is left when the storm is over.
func (s *storm) verify(t *testing.T) {
	t.Helper()
	w := s.world
	w.awaitSessions(t, "busy", "state <> 'idle'")
	for _, tenant := range w.tenants {
		s.verifyTenant(t, tenant)
	}
	for _, p := range w.places() {
		w.verifyPlace(t, p)
	}
	w.verifyConnections(t)
	must(t, w.driver.Close())
	w.awaitSessions(t, "open", "true")
}

// verifyTenant looks for all that was acknowledged, through the client.
func (s *storm) verifyTenant(t *testing.T, tenant *tenant) {
	t.Helper()
	orders, err := s.world.client.Order.Query().WithItems().All(tenant.context(t))
	must(t, err)
	found := map[string]map[string]row{}
	for _, o := range orders {
		of := found[owner(o.Number)]
		if of == nil {
			of = map[string]row{}
			found[owner(o.Number)] = of
		}
		of[o.Number] = row{true, o.Total, len(o.Edges.Items)}
	}
	for _, w := range s.workers {
		if w.tenant != tenant {
			continue
		}
		if err := errors.Join(w.all(orders, true), w.settled(found[w.name])); err != nil {
			t.Errorf("%s of %s: %v", w.name, tenant.id, err)
		}
	}
}

func (t *tenant) context(tb testing.TB) context.Context {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	tb.Cleanup(cancel)
	return tenancy.NewContext(ctx, *t.record.Load())
}

// verifyPlace looks for rows of tenants who do not live there, nor ever did.
func (w *world) verifyPlace(t *testing.T, p place) {
	t.Helper()
	var residents []string
	for _, tenant := range w.tenants {
		if slices.ContainsFunc(tenant.places, func(o place) bool { return o.admin == p.admin && o.schema == p.schema }) {
			residents = append(residents, string(tenant.id))
		}
	}
	on(t, p.admin, func(ctx context.Context, conn *pgx.Conn) error {
		for _, table := range []string{"orders", "items"} {
			var strays int
			query := fmt.Sprintf("SELECT count(*) FROM %s WHERE tenant_id <> ALL ($1)", p.table(table))
			if err := conn.QueryRow(ctx, query, residents).Scan(&strays); err != nil {
				return err
			}
			if strays > 0 {
				t.Errorf("%s of %v holds %d rows of others", p.table(table), residents, strays)
			}
		}
		return nil
	})
}

// verifyConnections fails the test unless connections are given back, and bare.
func (w *world) verifyConnections(t *testing.T) {
	t.Helper()
	eventually(t, "connections are in use", func() bool { return w.pool.Stats().InUse == 0 })
	eventually(t, "connections to databases are in use", func() bool {
		server := w.driver.Stats().Servers[0] // there is one
		return server.Open == server.Idle && server.Waiting == 0 && server.Open <= databaseConnections
	})
	for _, tenant := range w.tenants {
		// One at a time: a tenant's share may have gone down to that.
		conn, err := w.driver.Conn(tenant.context(t))
		must(t, err)
		must(t, errors.Join(conn.Raw(isBare), conn.Close()))
	}
	for range homeConnections { // all of them at once
		conn, err := w.pool.Conn(w.tenants[0].context(t))
		must(t, err)
		defer conn.Close()
		must(t, conn.Raw(isBare))
	}
}

// isBare reports settings that a tenant left on a connection.
func isBare(driverConn any) error {
	for {
		wrapped, ok := driverConn.(interface{ Unwrap() sqldriver.Conn })
		if !ok {
			break
		}
		driverConn = wrapped.Unwrap()
	}
	lender, ok := driverConn.(interface{ Conn() *pgx.Conn })
	if !ok {
		return fmt.Errorf("%T has no method Conn", driverConn)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var id, path string
	err := lender.Conn().QueryRow(ctx, "SELECT coalesce(current_setting('tenancy.tenant_id', true), ''), current_setting('search_path')").Scan(&id, &path)
	if err == nil && (id != "" || path != `"$user", public`) {
		return wrongf("tenant %q and search path %s stay on the connection", id, path)
	}
	return err
}

// awaitSessions returns when the application has no session of a state.
func (w *world) awaitSessions(t *testing.T, state, condition string) {
	t.Helper()
	eventually(t, "sessions are "+state, func() bool {
		left := 0
		on(t, w.server.Admin(), func(ctx context.Context, conn *pgx.Conn) error {
			return conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE usename <> current_user AND "+condition).Scan(&left)
		})
		return left == 0
	})
}

func eventually(t *testing.T, not string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s and stay so", not)
		}
	}
}
