package manager_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// Two applications on one Redis say nothing of a prefix, or the same, and each has a
// tenant of one name. No process is served the other application's.
func TestApplicationsOnOneRedis(t *testing.T) {
	t.Parallel()
	shared := manager.RedisConfig{URL: tenancy.NewSecret(servers.Redis(t)), Prefix: "test-" + strings.ToLower(rand.Text())}
	configs := map[tenancy.ID]manager.Config{"of-the-shop": sqliteConfig(t), "of-the-blog": sqliteConfig(t)}
	for id, c := range configs {
		c.Redis = shared
		configs[id] = c
		_, err := open(t, c, manager.App{}).Store().Create(t.Context(), registry.NewTenant{ID: id, Identifier: "acme", Name: "Acme"})
		must(t, err)
	}
	for id, c := range configs {
		for range 2 { // processes, of which the first puts it into Redis
			if got, err := open(t, c, manager.App{}).Store().ByIdentifier(t.Context(), "acme"); err != nil || got.ID != id {
				t.Errorf("the application with %s finds %s and %v", id, got.ID, err)
			}
		}
	}
}
