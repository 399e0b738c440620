package postgres_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

func TestEveryTenantSeesItsOwnRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, config := range map[string]postgres.Config{"named": {}, "unnamed": {Unnamed: true}, "eager": {EagerBegin: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := w.open(t, 1, config)
			for range 6 { // past the uses that earn a statement of its own, on one connection
				for number := range w.tenants {
					w.sees(t, number, db)
					nothingStays(t, db)
				}
			}
		})
	}
}

func TestWritesBelongToTheTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for number, tenant := range w.tenants {
		var id int64
		var owner string
		must(t, db.QueryRowContext(w.as(t, number), "INSERT INTO items (name) VALUES ($1) RETURNING id, tenant_id", string(tenant.ID)).Scan(&id, &owner))
		if owner != string(tenant.ID) {
			t.Errorf("%s wrote a row of %q", tenant, owner)
		}
		other := w.as(t, (number+1)%len(w.tenants))
		for _, statement := range []string{"UPDATE items SET name = 'stolen' WHERE id = $1 AND tenant_id = $2", "DELETE FROM items WHERE id = $1 AND tenant_id = $2"} {
			result, err := db.ExecContext(other, statement, id, owner)
			must(t, err)
			if n, _ := result.RowsAffected(); n != 0 {
				t.Errorf("another tenant changed a row of %s", tenant)
			}
		}
		result, err := db.ExecContext(w.as(t, number), "DELETE FROM items WHERE id = $1", id)
		must(t, err)
		if n, _ := result.RowsAffected(); n != 1 {
			t.Errorf("%s cannot delete its row", tenant)
		}
	}
	_, err := db.ExecContext(w.as(t, 0), "INSERT INTO items (tenant_id, name) VALUES ($1, $2)", string(w.tenants[1].ID), "planted")
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != "42501" {
		t.Errorf("a row for another tenant: want 42501, got %v", err)
	}
	wantErr(t, err, tenancy.ErrCrossTenant)
	nothingStays(t, db)
}

func TestNoTenantSendsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db)
	sent := w.during(func() {
		ctx := t.Context()
		_, err := db.ExecContext(ctx, "DELETE FROM items")
		wantErr(t, err, tenancy.ErrNoTenant)
		_, err = db.ExecContext(ctx, "DELETE FROM items WHERE id = $1", 1)
		wantErr(t, err, tenancy.ErrNoTenant)
		_, err = names(ctx, db)
		wantErr(t, err, tenancy.ErrNoTenant)
		_, err = db.BeginTx(ctx, nil)
		wantErr(t, err, tenancy.ErrNoTenant)
		_, err = names(tenancy.System(ctx, ""), db)
		wantErr(t, err, tenancy.ErrNoReason)
		suspended := w.tenants[0]
		suspended.Status = tenancy.StatusSuspended
		_, err = names(tenancy.NewContext(ctx, suspended), db)
		wantErr(t, err, tenancy.ErrInactive)
	})
	if sent != 0 {
		t.Errorf("%d round trips were made", sent)
	}
}

func TestSystemScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db)
	found, err := names(system(t), db)
	must(t, err)
	if len(found) != 0 {
		t.Errorf("row-level security shows %d rows to a System scope", len(found))
	}
	_, err = names(system(t), w.open(t, 1, postgres.Config{RefuseSystem: true}))
	wantErr(t, err, postgres.ErrSystem)
}

// TestPublicBehindTheTenantInSearchPath is pitfall 7, and W2: a schema tenant
// whose table is missing must not get the table of that name in public.
func TestPublicBehindTheTenantInSearchPath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db) // items of public is a prepared statement now
	ghost := tenancy.Tenant{ID: "ghost", Identifier: "ghost-inc", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "no_such_schema"}}
	ctx := tenancy.NewContext(t.Context(), ghost)
	for _, statement := range []string{"SELECT count(*) FROM items", "INSERT INTO items (name) VALUES ('x')", "CREATE TABLE fallen (id int)"} {
		_, err := db.ExecContext(ctx, statement)
		wantErr(t, err, tenancy.ErrNotProvisioned)
		if err != nil && !strings.Contains(err.Error(), "ghost-inc") {
			t.Errorf("%q does not name the tenant", err)
		}
		_, err = names(ctx, db)
		wantErr(t, err, tenancy.ErrNotProvisioned)
	}
	wantErr(t, count(w.as(t, sharedTenants), db, "SELECT id FROM secrets WHERE id > $1", 0), tenancy.ErrNotProvisioned)

	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	_, err = names(ctx, tx)
	wantErr(t, err, tenancy.ErrNotProvisioned)
	must(t, tx.Rollback())
	nothingStays(t, db)
}

func TestPlacementThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db)
	sent := w.during(func() {
		for _, schema := range []string{"", "public", "$user", "pg_temp", "pg_catalog", "information_schema", strings.Repeat("x", 64), "a\x00b", "\xff"} {
			tenant := tenancy.Tenant{ID: "t", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: schema}}
			_, err := names(tenancy.NewContext(t.Context(), tenant), db)
			wantErr(t, err, tenancy.ErrInvalidPlacement)
		}
	})
	if sent != 0 {
		t.Errorf("%d round trips were made", sent)
	}
}

func TestSchemaNameIsQuoted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, name := range []string{`a, public`, `a"; DROP TABLE public.items; --`, `A`, `ä ö`, `'`} {
		number := len(w.tenants)
		tenant := w.newSchema(t, number, name)
		w.tenants = append(w.tenants, tenant)
		address := appRole(w)
		run(t, w.owner, "GRANT ALL ON SCHEMA "+quoted(name)+" TO "+address, "GRANT ALL ON ALL TABLES IN SCHEMA "+quoted(name)+" TO "+address)
		w.sees(t, number, db)
		ctx := w.as(t, number)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.ExecContext(ctx, "SELECT 1")
		must(t, err)
		w.sees(t, number, tx)
		must(t, tx.Commit())
	}
	w.sees(t, 0, db)
}
