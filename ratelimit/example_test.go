package ratelimit_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

func ExampleNewLocal() {
	limiter, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		result, err := limiter.Allow(context.Background(), "reports", ratelimit.PerHour(2))
		fmt.Println(result.Allowed, result.Remaining, err)
	}
	// Output:
	// true 1 <nil>
	// true 0 <nil>
	// false 0 <nil>
}

func ExampleNewRedis() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	defer client.Close()
	limiter, err := ratelimit.NewRedis(client, ratelimit.RedisConfig{Prefix: "shop:limit:"})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Nobody is held to a limit while Redis is away; by default each process would hold them by itself.
	_, err = ratelimit.NewFallback(limiter, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen})
	fmt.Println(err)
	// Output: <nil>
}

func ExampleNewFallback() {
	primary, err := ratelimit.NewLocal(ratelimit.LocalConfig{}) // a Redis, in an application
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = ratelimit.NewFallback(primary, ratelimit.FallbackConfig{Away: "sometimes"})
	fmt.Println(err)
	// Output: ratelimit: NewFallback: Away is none of "local", "open" and "closed"
}

func ExampleNewTenants() {
	limiter, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	tenants, err := ratelimit.NewTenants(limiter, ratelimit.PerMinute(60), ratelimit.TenantsConfig{
		Plans:       map[string]ratelimit.Limit{"gold": ratelimit.PerMinute(600)},
		MetadataKey: "rate_limit",
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, tenant := range []tenancy.Tenant{
		{ID: "acme"},
		{ID: "globex", Plan: "gold"},
		tenancy.Tenant{ID: "initech", Plan: "gold"}.WithMetadata(map[string]any{"rate_limit": "50/s+10"}),
	} {
		limit, err := tenants.Limit(tenant)
		fmt.Println(tenant.ID, limit, err)
	}
	// Output:
	// acme 60/1m0s <nil>
	// globex 600/1m0s <nil>
	// initech 50/1s+10 <nil>
}

func ExampleNewClients() {
	limiter, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	clients, err := ratelimit.NewClients(limiter, ratelimit.PerHour(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, addr := range []string{"192.0.2.1", "2001:db8::1", "2001:db8::2"} { // the last two are in one network
		result, err := clients.Allow(context.Background(), netip.MustParseAddr(addr))
		fmt.Println(result.Allowed, err)
	}
	// Output:
	// true <nil>
	// true <nil>
	// false <nil>
}

func ExampleParseLimit() {
	limit, err := ratelimit.ParseLimit("600/m+20")
	fmt.Println(limit.Rate, limit.Period, limit.Burst, err)
	// Output: 600 1m0s 20 <nil>
}
