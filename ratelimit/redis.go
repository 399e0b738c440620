package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
)

// Redis counts requests in Redis, for all processes that use the same one, by
// Redis' clock. It is safe for concurrent use.
type Redis struct {
	limiter *redis_rate.Limiter
	prefix  string
}

// RedisConfig is what a Redis can be told. The zero RedisConfig works.
type RedisConfig struct {
	// Prefix is what keys begin with, after the "rate:" of the library below.
	// Applications that share a Redis need different ones. Defaults to
	// "tenancy:limit:".
	Prefix string
}

const defaultPrefix = "tenancy:limit:"

// NewRedis returns a limiter that counts in the Redis that client reaches, be
// it one, one with replicas, or a cluster. A key expires when nothing of it is
// used up. The caller closes the client. It fails if client is nil.
//
// While Redis is away every call fails, after as long as the client takes to
// notice: put a [Fallback] around it. Most clients notice a Redis that says nothing
// after their ReadTimeout, a few times over, and keep a connection busy until then. With
// redis.Options.ContextTimeoutEnabled they do when the call's context is over.
func NewRedis(client redis.UniversalClient, cfg RedisConfig) (*Redis, error) {
	if client == nil {
		return nil, errors.New("ratelimit: NewRedis: client is nil")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = defaultPrefix
	}
	return &Redis{redis_rate.NewLimiter(client), cfg.Prefix}, nil
}

// Allow implements [Limiter].
func (r *Redis) Allow(ctx context.Context, key string, limit Limit) (Result, error) {
	if err := limit.Validate(); err != nil {
		return Result{}, err
	}
	limit.Burst = limit.burst()
	got, err := r.limiter.Allow(ctx, r.key(key, limit), redis_rate.Limit{Rate: limit.Rate, Burst: limit.Burst, Period: limit.Period})
	if err != nil {
		return Result{}, fmt.Errorf("%w: %w", tenancy.ErrLimiterUnavailable, err)
	}
	return resultOfRedis(limit, got), nil
}

// key has the limit in it, so that a changed limit is another count. The
// limit stands first and has no colon, so that no key runs into another.
func (r *Redis) key(key string, limit Limit) string {
	var b strings.Builder
	b.WriteString(r.prefix)
	b.WriteString(limit.String())
	b.WriteByte(':')
	b.WriteString(key)
	return b.String()
}

// resultOfRedis counts what remains anew, because the script cuts 3.9999999
// down to 3, and rounds the time to wait up to what Redis' clock can tell.
func resultOfRedis(limit Limit, got *redis_rate.Result) Result {
	used := got.ResetAfter.Seconds() / limit.interval()
	slack := (2 * time.Microsecond).Seconds() / limit.interval()
	result := resultOf(limit, got.Allowed > 0, float64(limit.Burst)-used+min(slack, 0.5))
	result.ResetAfter = got.ResetAfter
	if !result.Allowed {
		result.RetryAfter = got.RetryAfter.Truncate(time.Microsecond) + time.Microsecond
	}
	return result
}
