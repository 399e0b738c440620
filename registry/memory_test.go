package registry_test

import (
	"testing"

	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

func TestMemoryStore(t *testing.T) {
	t.Parallel()
	registrytest.Run(t, func(*testing.T) registry.Store {
		return registry.NewMemoryStore(registry.MemoryConfig{})
	}, registrytest.Capabilities{
		Limited: func(_ *testing.T, limit int) registry.Store {
			return registry.NewMemoryStore(registry.MemoryConfig{MaxTenants: limit})
		},
	})
}
