package registry_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// The server ends the connection of a call that it has begun. The call fails
// with an error that says nothing about a tenant, gives its connection up, and
// the next call gets a new one. SQLite has no server.
func TestServerThatGoesInTheMiddleOfACall(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if db.driver.Dialect() == dialect.SQLite {
			return
		}
		db.fill(t, 1)
		limited, err := registry.NewEntStore(db.driver, registry.EntConfig{MaxTenants: 1000})
		if err != nil {
			t.Fatal(err)
		}
		all := calls(store)
		for name, call := range map[string]func(context.Context) error{
			"Update": all["Update"], "SetStatus": all["SetStatus"], "SetStatuses": all["SetStatuses"],
			"MergeMetadata": all["MergeMetadata"], "Erase": all["Erase"], "limited Create": calls(limited)["Create"],
		} {
			err := db.endWhileWaiting(t, call)
			if !isOther(err) || errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want an error about the database", name, err)
			}
			if got, err := store.ByID(t.Context(), "00000"); err != nil || got.Version != 1 || got.Active() != nil {
				t.Errorf("%s: afterwards: %v and %v", name, got, err)
			}
			if n := db.Stats().InUse; n != 0 {
				t.Errorf("%s: %d connections are in use", name, n)
			}
		}
		if _, err := store.SetStatus(t.Context(), "00000", tenancy.StatusSuspended); err != nil {
			t.Error(err)
		}
	})
}

// endWhileWaiting makes call wait for a lock, ends its connection, and returns its error.
func (db database) endWhileWaiting(t *testing.T, call func(context.Context) error) error {
	t.Helper()
	tx, err := db.driver.Tx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, lock := range []string{"UPDATE tenancy_tenants SET plan = 'taken'", "UPDATE tenancy_registry_lock SET taken = taken + 1"} {
		if err := tx.Exec(t.Context(), lock, []any{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	failed := make(chan error, 1)
	go func() { failed <- call(t.Context()) }()
	deadline := time.After(20 * time.Second)
	// InnoDB shows who waits as it was when someone asked first in the last tenth of a second.
	for poll := time.Tick(150 * time.Millisecond); ; <-poll {
		db.endWaiting(t)
		select {
		case err := <-failed:
			return err
		case <-deadline:
			t.Fatal("the call does not end")
		default:
		}
	}
}

// endWaiting ends the connections of this database that wait for a lock.
func (db database) endWaiting(t *testing.T) {
	t.Helper()
	if db.driver.Dialect() == dialect.Postgres {
		_, err := db.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, id := range db.waiting(t) {
		_, _ = db.ExecContext(t.Context(), fmt.Sprint("KILL ", id)) // it may have ended meanwhile
	}
}

// waiting returns the connections of MariaDB that wait for a lock in this database.
func (db database) waiting(t *testing.T) (ids []int64) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT p.id FROM information_schema.processlist p
		JOIN information_schema.innodb_trx x ON x.trx_mysql_thread_id = p.id
		WHERE p.db = DATABASE() AND x.trx_state = 'LOCK WAIT'`)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}
