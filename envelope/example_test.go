package envelope_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/envelope"
)

// tenants stands for a store of package registry.
type tenants map[tenancy.ID]tenancy.Tenant

func (ts tenants) ByID(_ context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	t, ok := ts[id]
	if !ok {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return t, nil
}

func ExampleNewSealer() {
	key := envelope.Key{ID: "2026-11", Secret: tenancy.NewSecret("of at least 32 bytes, from a vault")}
	sealer, err := envelope.NewSealer(key, envelope.SealerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = sealer.Seal(context.Background(), "invoice.send")
	fmt.Println(err)
	// Output: tenancy: no tenant in context: use tenancy.NewContext, or tenancy.System with a reason
}

func ExampleNewOpener() {
	acme := tenancy.Tenant{ID: "acme", Status: tenancy.StatusActive}
	registry := tenants{acme.ID: acme}
	key := envelope.Key{ID: "2026-11", Secret: tenancy.NewSecret("of at least 32 bytes, from a vault")}

	// In the request:
	sealer, err := envelope.NewSealer(key, envelope.SealerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := sealer.Seal(tenancy.NewContext(context.Background(), acme), "invoice.send")
	if err != nil {
		fmt.Println(err)
		return
	}

	// In the worker:
	opener, err := envelope.NewOpener([]envelope.Key{key}, registry, envelope.OpenerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, err := opener.Open(context.Background(), text, "invoice.send")
	if err != nil {
		fmt.Println(err)
		return
	}
	tenant, err := tenancy.FromContext(ctx)
	fmt.Println(tenant.ID, err)

	_, err = opener.Open(context.Background(), text, "account.delete")
	fmt.Println(errors.Is(err, tenancy.ErrInvalidEnvelope))
	// Output:
	// acme <nil>
	// true
}
