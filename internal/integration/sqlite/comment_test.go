package sqlite_test

import (
	"context"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// TestCommentsOfHostileIDs has tenants whose ids would end a comment.
func TestCommentsOfHostileIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drv, err := driver.New(pool(w.files.Home()), driver.Config{
		System: pool(w.files.System()), Databases: driver.Databases{Open: w.files.Open},
		Comment: func(context.Context) bool { return true },
	})
	must(t, err)
	t.Cleanup(func() { must(t, drv.Close()) })
	client := ent.NewClient(ent.TenancyDriver(drv))
	tenants := w.all()
	for _, id := range []tenancy.ID{"*/ DROP TABLE orders; /*", "'*/; DROP TABLE orders --", `"`, "`", "?", "$1", ":a", "größe"} {
		tenants = append(tenants, tenancy.Tenant{ID: id, Isolation: tenancy.IsolationShared})
	}
	for range 2 {
		for _, tenant := range tenants {
			ctx := as(t, tenant)
			must(t, client.User.Create().SetName("n").Exec(ctx))
		}
	}
	for _, tenant := range tenants {
		found, err := client.User.Query().All(as(t, tenant))
		must(t, err)
		if len(found) != 2 {
			t.Errorf("%q has %d users, want 2", tenant.ID, len(found))
		}
	}
}
