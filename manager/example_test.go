package manager_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// Tenants in shared tables need nothing made. With schemas and databases of their
// own, against real servers, the same runs in internal/integration/lifecycle.
func ExampleNewLifecycle() {
	ctx := context.Background()
	lifecycle, err := manager.NewLifecycle(manager.LifecycleConfig{
		Store: registry.NewMemoryStore(registry.MemoryConfig{}),
		Hooks: map[manager.Action]manager.Hook{
			manager.ActionProvision: {After: func(ctx context.Context, t tenancy.Tenant) error {
				_, err := tenancy.FromContext(ctx) // an ent client would write the tenant's first rows here
				fmt.Println(t.Identifier, t.Status, err)
				return err
			}},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	acme, err := lifecycle.Provision(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc."})
	fmt.Println(acme.Identifier, acme.Status, err)
	acme, err = lifecycle.Delete(ctx, acme.ID)
	fmt.Println(acme.Identifier, acme.Status, err)
	_, err = lifecycle.Activate(ctx, acme.ID)
	fmt.Println(errors.Is(err, tenancy.ErrInvalidTransition))
	// Output:
	// acme provisioning <nil>
	// acme active <nil>
	// acme deleted <nil>
	// true
}
