package tenancy_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
)

func ExampleNewContext() {
	ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "t-1", Identifier: "acme"})

	tenant, err := tenancy.FromContext(ctx)
	fmt.Println(tenant, err)
	// Output: tenant(t-1 acme) <nil>
}

func ExampleFromContext_noTenant() {
	_, err := tenancy.FromContext(context.Background())
	fmt.Println(errors.Is(err, tenancy.ErrNoTenant))
	// Output: true
}

func ExampleSystem() {
	ctx := tenancy.System(context.Background(), "nightly invoice run")

	scope, err := tenancy.ScopeFromContext(ctx)
	fmt.Println(scope.System(), scope.Reason(), err)

	// Without a reason there is no way in.
	_, err = tenancy.ScopeFromContext(tenancy.System(context.Background(), ""))
	fmt.Println(err)
	// Output:
	// true nightly invoice run <nil>
	// tenancy: System needs a reason
}

func ExampleNewSecret() {
	tenant := tenancy.Tenant{ID: "t-1", Placement: tenancy.Placement{
		DatabaseURL: tenancy.NewSecret("postgres://app:hunter2@db/t1"),
	}}
	fmt.Println(tenant.Placement.DatabaseURL)
	fmt.Println(len(tenant.Placement.DatabaseURL.Reveal()))
	// Output:
	// [redacted]
	// 28
}

func ExampleStatus_Transition() {
	fmt.Println(tenancy.StatusActive.Transition(tenancy.StatusSuspended))
	fmt.Println(tenancy.StatusDeleted.Transition(tenancy.StatusActive))
	// Output:
	// <nil>
	// tenancy: invalid status transition: from "deleted" to "active"; allowed: ["suspended"]
}

func ExampleTenant_WithMetadata() {
	tenant := tenancy.Tenant{ID: "t-1"}.WithMetadata(map[string]any{"seats": 5})

	tenant.Metadata()["seats"] = 500 // changes a copy
	seats, _ := tenant.MetadataValue("seats")
	fmt.Println(seats)
	// Output: 5
}
