package registry_test

import (
	"context"
	"log"

	"github.com/entenancy/tenancy/registry"
)

// The same, down to requests, runs in internal/integration/registry.
func ExampleNewDomainCache() {
	domains := func(ctx context.Context, base *registry.EntStore, cache *registry.Cache) (registry.DomainStore, error) {
		domains, err := registry.NewDomainCache(base.Domains(), cache, registry.DomainCacheConfig{})
		if err != nil {
			return nil, err
		}
		acme, err := cache.ByIdentifier(ctx, "acme")
		if err != nil {
			return nil, err
		}
		if err := domains.Add(ctx, acme.ID, "shop.acme.com"); err != nil {
			return nil, err
		}
		identifier, err := domains.IdentifierByDomain(ctx, "shop.acme.com")
		log.Print(identifier) // acme
		return domains, err   // for middleware.Host
	}
	_ = domains
}
