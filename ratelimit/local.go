package ratelimit

import (
	"context"
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/entenancy/tenancy"
)

// Local counts requests in this process. Its memory is bounded, and it makes no
// allocation for a key that it knows. It is safe for concurrent use.
type Local struct {
	seed   maphash.Seed
	shards [shards]shard
}

// LocalConfig is what a Local can be told. The zero LocalConfig works.
type LocalConfig struct {
	// MaxKeys is how many keys are counted at a time. When there are more, the
	// one that was asked about the longest time ago is forgotten and begins
	// anew. Keys with nothing used up are forgotten anyway, since that changes
	// nothing. A key takes about 300 bytes. Defaults to 65536.
	MaxKeys int
}

const defaultMaxKeys = 65536

// shards is how many keys can be counted at the same moment.
const shards = 16

// sweepEvery is how often a shard forgets the keys with nothing used up.
const sweepEvery = time.Minute

// shard has some of the keys.
type shard struct {
	mu      sync.Mutex
	buckets *simplelru.LRU[bucketKey, *rate.Limiter]
	swept   time.Time
}

// bucketKey has the limit in it, so that a changed limit is another bucket.
type bucketKey struct {
	key   string
	limit Limit
}

// NewLocal returns a limiter of this process. It fails with
// [tenancy.ErrInvalidLimit] for a negative MaxKeys.
func NewLocal(cfg LocalConfig) (*Local, error) {
	if cfg.MaxKeys < 0 {
		return nil, fmt.Errorf("ratelimit: NewLocal: %w: MaxKeys is %d; it must be at least 1", tenancy.ErrInvalidLimit, cfg.MaxKeys)
	}
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = defaultMaxKeys
	}
	l := &Local{seed: maphash.MakeSeed()}
	for i := range l.shards {
		buckets, err := simplelru.NewLRU[bucketKey, *rate.Limiter]((cfg.MaxKeys+shards-1)/shards, nil)
		if err != nil {
			return nil, fmt.Errorf("ratelimit: NewLocal: %w", err)
		}
		l.shards[i].buckets = buckets
	}
	return l, nil
}

// Allow implements [Limiter]. It does not wait, and does not look at ctx.
func (l *Local) Allow(_ context.Context, key string, limit Limit) (Result, error) {
	if err := limit.Validate(); err != nil {
		return Result{}, err
	}
	limit.Burst = limit.burst()
	s := &l.shards[maphash.String(l.seed, key)%shards]
	return s.allow(bucketKey{key, limit}), nil
}

// Len returns how many keys are counted at the moment.
func (l *Local) Len() int {
	n := 0
	for i := range l.shards {
		n += l.shards[i].len()
	}
	return n
}

func (s *shard) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buckets.Len()
}

func (s *shard) allow(key bucketKey) Result {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now() // under the lock: a bucket that is told an earlier time goes back to it, and fills up twice
	s.sweep(now)
	bucket, ok := s.buckets.Get(key)
	if !ok {
		bucket = rate.NewLimiter(rate.Limit(1/key.limit.interval()), key.limit.Burst)
		s.buckets.Add(key, bucket)
	}
	allowed := bucket.AllowN(now, 1)
	return resultOf(key.limit, allowed, bucket.TokensAt(now))
}

// sweep forgets the keys with nothing used up.
func (s *shard) sweep(now time.Time) {
	if s.swept.IsZero() {
		s.swept = now
	}
	if now.Sub(s.swept) < sweepEvery {
		return
	}
	s.swept = now
	for _, key := range s.buckets.Keys() {
		if bucket, ok := s.buckets.Peek(key); ok && bucket.TokensAt(now) >= float64(key.limit.Burst) {
			s.buckets.Remove(key)
		}
	}
}

// resultOf says what it means that a bucket has so many tokens left.
func resultOf(limit Limit, allowed bool, tokens float64) Result {
	r := Result{
		Allowed:    allowed,
		Limit:      limit.burst(),
		Remaining:  max(0, int(tokens+rounding)),
		ResetAfter: seconds((float64(limit.burst()) - tokens) * limit.interval()),
	}
	if !allowed {
		r.Remaining = 0
		r.RetryAfter = max(time.Nanosecond, seconds((1-tokens)*limit.interval()))
	}
	return r
}

// rounding is how much of a token may have been lost to floating point numbers.
const rounding = 1e-6

// seconds rounds up, so that who waits as long has waited long enough.
func seconds(s float64) time.Duration {
	return max(0, time.Duration(math.Ceil(s*float64(time.Second))))
}
