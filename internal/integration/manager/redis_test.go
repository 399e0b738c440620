package manager_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// A process without caches, such as an operator's tool, changes a tenant. Neither those
// that have caches serve the old one, nor Redis to those that start then.
func TestCachesHearOfWhoHasNone(t *testing.T) {
	t.Parallel()
	for name, inRedis := range map[string]bool{"by Redis": true, "by PostgreSQL": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := postgresConfig(t)
			if inRedis {
				c.Redis = manager.RedisConfig{URL: tenancy.NewSecret(servers.Redis(t)), Prefix: "test-" + strings.ToLower(rand.Text())}
			}
			c.Migrations.AtStart = true
			files := migrations(t, dialect.Postgres)
			app := manager.App{Migrations: files, SharedMigrations: files}
			c.Cache = manager.CacheConfig{TTL: time.Hour, RedisTTL: time.Hour}
			serving := open(t, c, app)
			acme, err := serving.Store().Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive})
			must(t, err)
			without := c
			without.Cache.Disabled = true
			tool := open(t, without, app)
			status := func(m *manager.Manager) tenancy.Status {
				found, err := m.Store().ByIdentifier(t.Context(), "acme")
				must(t, err)
				return found.Status
			}
			for _, want := range []tenancy.Status{tenancy.StatusSuspended, tenancy.StatusActive} {
				status(serving)
				_, err = tool.Store().SetStatus(t.Context(), acme.ID, want)
				must(t, err)
				if got := status(tool); got != want {
					t.Errorf("who has changed it finds it %s", got)
				}
				if got := status(open(t, c, app)); got != want {
					t.Errorf("who starts then finds it %s", got)
				}
				for deadline := time.Now().Add(30 * time.Second); status(serving) != want; time.Sleep(5 * time.Millisecond) {
					if time.Now().After(deadline) {
						t.Fatalf("others find it %s, want %s", status(serving), want)
					}
				}
			}
			_, err = serving.Operator().Home().ExecContext(t.Context(), "UPDATE tenancy_tenants SET name = 'Anew'") // of which no cache hears
			must(t, err)
			found, err := tool.Store().ByID(t.Context(), acme.ID)
			if must(t, err); found.Name != "Anew" {
				t.Errorf("what is disabled was read: %s", found.Name)
			}
		})
	}
}

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
