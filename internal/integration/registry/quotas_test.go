package registry_test

import (
	"testing"

	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/quota/quotatest"
)

func TestQuotas(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			db := kind.empty(t)
			store := open(t, db)
			if err := store.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			quotatest.Run(t, func(t *testing.T) quota.Store {
				if _, err := db.ExecContext(t.Context(), "DELETE FROM tenancy_quotas"); err != nil {
					t.Fatal(err)
				}
				return store.Quotas()
			})
		})
	}
}
