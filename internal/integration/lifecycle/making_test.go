package lifecycle_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

// TestDropWaitsForADatabaseThatIsStillBeingMade: the server goes on with CREATE DATABASE
// when the process that has sent it has died.
func TestDropWaitsForADatabaseThatIsStillBeingMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, cell{dialect.Postgres, tenancy.IsolationDatabase})
	template := w.prefix + "template"
	w.exec(`CREATE DATABASE "` + template + `"`)
	address := *w.appURL
	address.Path = ""
	keeper, err := namespace.NewPostgresDatabases(w.db, tenancy.NewSecret(address.String()),
		namespace.PostgresDatabasesConfig{Names: namespace.Names{Prefix: w.prefix}, Template: template})
	if err != nil {
		t.Fatal(err)
	}
	tenant := tenancy.Tenant{ID: "halfway", Isolation: tenancy.IsolationDatabase}
	if tenant.Placement, err = keeper.Plan(tenant); err != nil {
		t.Fatal(err)
	}

	// Nobody can copy a database that somebody is in.
	address = *w.url
	address.Path = "/" + template
	inside, err := open(t, "pgx", address.String()).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inside.Close() }()
	ended := make(chan error, 1)
	ctx, die := context.WithCancel(t.Context())
	go func() {
		_, err := keeper.Make(ctx, tenant, "")
		ended <- err
	}()
	statement := w.making()
	die()
	if err := <-ended; err == nil {
		t.Fatal("the database was made after all")
	}
	for len(column(t, w.db, makers)) > 0 { // until the server has noticed
		time.Sleep(10 * time.Millisecond)
	}

	go func() { // what is left of the process
		_, err := w.db.ExecContext(t.Context(), statement)
		ended <- err
	}()
	w.making()
	dropped := make(chan error, 1)
	go func() {
		_, err := keeper.Drop(t.Context(), tenant)
		dropped <- err
	}()
	select {
	case err := <-dropped: // too soon, as the end shows
		dropped <- err
	case <-time.After(200 * time.Millisecond):
	}
	_ = inside.Raw(func(any) error { return driver.ErrBadConn }) // closed, where the pool would keep it
	err = errors.Join(<-ended, <-dropped)
	if errors.Is(err, namespace.ErrNothingDropped) { // the server was so slow that it says to try again
		_, err = keeper.Drop(t.Context(), tenant)
	}
	if err != nil {
		t.Error(err)
	}
	if left := w.namespaces("tenancy_new_"); len(left) > 0 {
		t.Errorf("left over is %q", left)
	}
}

// makers asks for the statements of those who are making a database.
const makers = `SELECT query FROM pg_stat_activity WHERE state = 'active' AND usename = current_user AND query LIKE 'CREATE DATABASE "tenancy_new_%'`

// making waits for a CREATE DATABASE of the world's owner, and returns it.
func (w *world) making() string {
	w.t.Helper()
	for range 500 {
		if found := column(w.t, w.db, makers); len(found) > 0 {
			return found[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatal("nobody makes a database")
	return ""
}
