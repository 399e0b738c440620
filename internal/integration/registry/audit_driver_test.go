package registry_test

import (
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/registry"
)

// A System scope that a statement is sent in is in the table, without anybody's
// asking: once, with its reason and who it was. A tenant's statements are not.
func TestDriverAuditsSystemScopes(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		log := newAuditLog(t, store.Audit())
		observer, err := audit.NewObserver(log)
		if err != nil {
			t.Fatal(err)
		}
		drv, err := driver.New(db.driver, driver.Config{Observer: observer})
		if err != nil {
			t.Fatal(err)
		}
		system := tenancy.System(audit.WithActor(t.Context(), audit.Actor{Principal: "ann"}), "support case 17")
		acme := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme", Status: tenancy.StatusActive})
		for range 3 {
			if err := drv.Exec(system, "UPDATE tenancy_quotas SET used = 0", []any{}, nil); err != nil {
				t.Fatal(err)
			}
			if err := drv.Exec(acme, "UPDATE tenancy_quotas SET used = 0", []any{}, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := store.Audit().List(t.Context(), registry.AuditQuery{AllTenants: true})
		if err != nil || len(page.Entries) != 1 {
			t.Fatalf("%d entries (%v), want one: %+v", len(page.Entries), err, page.Entries)
		}
		if e := page.Entries[0]; e.Action != audit.ActionSystem || e.Reason != "support case 17" || e.Actor.Principal != "ann" || e.TenantID != "" {
			t.Errorf("got %+v", e)
		}
	})
}
