package quota

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
)

// Redis keeps counters in Redis: one hash for each tenant, with a field for each
// counter. It is safe for concurrent use. Its errors are
// [tenancy.ErrLimiterUnavailable].
//
// A counter is as durable as that Redis: it must keep what it has been told
// (appendonly) and must not evict keys (maxmemory-policy noeviction).
type Redis struct {
	client           redis.UniversalClient
	prefix           string
	consume, release *redis.Script
}

var _ Store = (*Redis)(nil)

// RedisConfig is what a Redis can be told. The zero RedisConfig works.
type RedisConfig struct {
	// Prefix is what keys begin with. Applications that share a Redis need
	// different ones. Defaults to "tenancy:quota:".
	Prefix string
}

// NewRedis returns a Store in the Redis that client reaches, be it one, one
// with replicas, or a cluster. The client should not retry by itself (MaxRetries:
// -1): what it sends a second time, because the answer was lost, counts twice.
// The caller closes the client. It fails if client is nil.
func NewRedis(client redis.UniversalClient, cfg RedisConfig) (*Redis, error) {
	if client == nil {
		return nil, errors.New("quota: NewRedis: client is nil")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = "tenancy:quota:"
	}
	return &Redis{client, cfg.Prefix, redis.NewScript(consume), redis.NewScript(release)}, nil
}

// consume returns whether there was room, and the counter.
const consume = `
local used = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if used > tonumber(ARGV[3]) - tonumber(ARGV[2]) then
  return {0, used}
end
return {1, redis.call('HINCRBY', KEYS[1], ARGV[1], ARGV[2])}
`

const release = `
local used = tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or '0')
if used <= tonumber(ARGV[2]) then
  return redis.call('HDEL', KEYS[1], ARGV[1])
end
return redis.call('HINCRBY', KEYS[1], ARGV[1], '-' .. ARGV[2])
`

// Consume implements [Store].
func (r *Redis) Consume(ctx context.Context, c Counter, n, limit int64) (int64, bool, error) {
	got, err := r.consume.Run(ctx, r.client, r.keys(c.TenantID), field(c), n, limit).Int64Slice()
	if err != nil {
		return 0, false, unavailable(err)
	}
	if len(got) != 2 {
		return 0, false, unavailable(errors.New("the script returned something else than it should"))
	}
	return got[1], got[0] == 1, nil
}

// Release implements [Store].
func (r *Redis) Release(ctx context.Context, c Counter, n int64) error {
	return unavailable(r.release.Run(ctx, r.client, r.keys(c.TenantID), field(c), n).Err())
}

// Used implements [Store].
func (r *Redis) Used(ctx context.Context, c Counter) (int64, error) {
	used, err := r.client.HGet(ctx, r.keys(c.TenantID)[0], field(c)).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return used, unavailable(err)
}

// ForgetBefore implements [Store]. Periods are compared here and not in a script, which
// would do it as the server's locale says.
func (r *Redis) ForgetBefore(ctx context.Context, c Counter) error {
	key := r.keys(c.TenantID)[0]
	fields, err := r.client.HKeys(ctx, key).Result()
	if err != nil {
		return unavailable(err)
	}
	for old := range slices.Chunk(slices.DeleteFunc(fields, func(of string) bool { return !before(of, c) }), forgetAtOnce) {
		if err := r.client.HDel(ctx, key, old...).Err(); err != nil {
			return unavailable(err)
		}
	}
	return nil
}

// forgetAtOnce is how many counters are removed by one command.
const forgetAtOnce = 1000

// before reports whether a field is of the same quota as c, and of a period before c's.
func before(of string, c Counter) bool {
	name, period, _ := strings.Cut(of, ":")
	return name == c.Quota && period != "" && period < c.Period
}

// Forget implements [Store].
func (r *Redis) Forget(ctx context.Context, id tenancy.ID) error {
	return unavailable(r.client.Del(ctx, r.keys(id)...).Err())
}

func (r *Redis) keys(id tenancy.ID) []string { return []string{r.prefix + string(id)} }

// field names a counter in its tenant's hash. Neither part has a colon.
func field(c Counter) string { return c.Quota + ":" + c.Period }

func unavailable(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", tenancy.ErrLimiterUnavailable, err)
}
