package sqlite_test

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// TestErasedTenantComesAgain has a process that has served a tenant erase it, and
// provision another under the same id.
func TestErasedTenantComesAgain(t *testing.T) {
	t.Parallel()
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationSchema, tenancy.IsolationDatabase} {
		t.Run(string(isolation), func(t *testing.T) {
			t.Parallel()
			m := newManager(t, isolation)
			acme := registry.NewTenant{ID: "acme", Identifier: "acme", Name: "Acme"}
			old, err := m.Lifecycle().Provision(t.Context(), acme)
			must(t, err)
			write(t, m, old, "old-secret")
			_, err = m.Lifecycle().Erase(t.Context(), old.ID)
			must(t, err)
			if n := m.Driver().Stats().Pools; n != 0 {
				t.Errorf("%d pools are kept of the tenant that was erased", n)
			}
			if _, err := bodies(t, m, old); !errors.Is(err, tenancy.ErrNotProvisioned) {
				t.Errorf("the tenant that was erased: %v", err)
			}
			again, err := m.Lifecycle().Provision(t.Context(), acme)
			must(t, err)
			write(t, m, again, "new")
			if found, err := bodies(t, m, again); err != nil || !slices.Equal(found, []string{"new"}) {
				t.Errorf("the new tenant has %q, %v", found, err)
			}
			must(t, m.Driver().Forget(t.Context(), again.ID)) // as a process that is started anew
			if found, err := bodies(t, m, again); err != nil || !slices.Equal(found, []string{"new"}) {
				t.Errorf("in its file the new tenant has %q, %v", found, err)
			}
		})
	}
}

// newManager returns a manager whose tenants have a file of the table notes.
func newManager(t *testing.T, isolation tenancy.Isolation) *manager.Manager {
	t.Helper()
	const name, text = "20260101000000_notes.sql", "CREATE TABLE notes (id integer NOT NULL PRIMARY KEY, tenant_id varchar(100) NOT NULL, body text NOT NULL);\n"
	mem := &atlas.MemDir{}
	must(t, mem.WriteFile(name, []byte(text)))
	sum, err := mem.Checksum()
	must(t, err)
	hash, err := sum.MarshalText()
	must(t, err)
	m, err := manager.New(t.Context(), manager.Config{
		Database:  manager.DatabaseConfig{URL: tenancy.NewSecret("sqlite://" + filepath.Join(t.TempDir(), "shop.db"))},
		Isolation: manager.IsolationConfig{Default: isolation},
	}, manager.App{
		Tenancy: schema.Metadata{Tables: []schema.Table{{
			Name: "notes", Entity: "Note", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"},
		}}},
		Migrations: fstest.MapFS{name: {Data: []byte(text)}, atlas.HashFileName: {Data: hash}},
		Logger:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	must(t, err)
	t.Cleanup(func() { must(t, m.Close()) })
	must(t, m.Start(t.Context()))
	return m
}

func write(t *testing.T, m *manager.Manager, tenant tenancy.Tenant, body string) {
	t.Helper()
	_, err := m.Driver().ExecContext(as(t, tenant), "INSERT INTO notes (tenant_id, body) VALUES (?, ?)", string(tenant.ID), body)
	must(t, err)
}

func bodies(t *testing.T, m *manager.Manager, tenant tenancy.Tenant) ([]string, error) {
	t.Helper()
	return column(m.Driver().QueryContext(as(t, tenant), "SELECT body FROM notes"))
}
