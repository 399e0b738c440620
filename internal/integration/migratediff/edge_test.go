package migratediff_test

import (
	"testing"
)

// TestEdgeIsRemovedAndItsFieldKept also looks for the index that MySQL has made for the key.
func TestEdgeIsRemovedAndItsFieldKept(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		t.Helper()
		e := newEvolving()
		config := having(shop(t, name), e.users, e.orders)
		named(t, config, "init")
		e.orders.ForeignKeys = nil
		runs(t, having(config, e.users, e.orders))
	})
}
