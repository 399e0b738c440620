// Package ratelimit holds each tenant to so many requests in a time, over all
// the processes of an application.
//
//	limiter, err := ratelimit.NewRedis(client, ratelimit.RedisConfig{})
//	...
//	tenants, err := ratelimit.NewTenants(limiter, ratelimit.PerMinute(600), ratelimit.TenantsConfig{
//		Plans: map[string]ratelimit.Limit{"gold": ratelimit.PerMinute(6000)},
//	})
//	...
//	result, err := tenants.Allow(ctx, tenant)
//	if err == nil && !result.Allowed {
//		// 429, Retry-After: result.RetryAfter
//	}
//
// Of a [Limit] of n, n requests at once are allowed, and the next is refused
// until there is room for it: room comes back steadily, not at the end of a
// window, so that no second is worth two. That is the generic cell rate
// algorithm (GCRA), or a token bucket, which is the same seen from the other side.
//
// # Limiters
//
// [Redis] counts for all processes together, one round trip for each request.
// [Local] counts for this process alone. A [Fallback] asks Redis and does what
// the operator has chosen while Redis is away: let all pass, refuse all, or
// count locally. That some requests pass is logged at error level, and each is counted.
//
// # Whose limit
//
// [Tenants] holds a tenant to the limit that its record says, else its plan's,
// else the default. [Clients] holds network addresses to one, for requests that
// have no tenant yet, such as probes for the names of tenants. Keys of the one
// are never keys of the other, and no tenant's are another's.
//
// A limit that changes holds from the next request on. It begins with nothing
// used up, since what was used of another limit says little about it.
//
// For what is used up and does not come back by itself, see package quota.
package ratelimit
