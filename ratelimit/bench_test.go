package ratelimit_test

import (
	"fmt"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

func BenchmarkLocal(b *testing.B) {
	for _, keys := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("keys=%d", keys), func(b *testing.B) {
			l, limit := newLocal(b, ratelimit.LocalConfig{}), ratelimit.PerSecond(1000)
			names := make([]string, keys)
			for i := range names {
				names[i] = fmt.Sprintf("tenant:%05d", i)
				allow(b, l, names[i], limit)
			}
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if _, err := l.Allow(b.Context(), names[i%keys], limit); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func BenchmarkTenants(b *testing.B) {
	f, err := ratelimit.NewFallback(newLocal(b, ratelimit.LocalConfig{}), ratelimit.FallbackConfig{})
	if err != nil {
		b.Fatal(err)
	}
	for name, limiter := range map[string]ratelimit.Limiter{"local": newLocal(b, ratelimit.LocalConfig{}), "fallback": f} {
		b.Run(name, func(b *testing.B) {
			tenants, err := ratelimit.NewTenants(limiter, ratelimit.PerSecond(1000), ratelimit.TenantsConfig{
				Plans: map[string]ratelimit.Limit{"gold": ratelimit.PerSecond(10_000)}, MetadataKey: "rate_limit",
			})
			if err != nil {
				b.Fatal(err)
			}
			tenant := tenancy.Tenant{ID: "0193a1b2-0000-7000-8000-000000000001", Plan: "gold"}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tenants.Allow(b.Context(), tenant); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
