package limits_test

import (
	"testing"

	"github.com/entenancy/tenancy/ratelimit"
)

// BenchmarkRedis is one round trip.
func BenchmarkRedis(b *testing.B) {
	c := client(b)
	l := inRedis(b, c, ratelimit.RedisConfig{Prefix: prefix(b, c)})
	b.Run("ping", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := c.Ping(b.Context()).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("allow", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			allow(b, l, "acme", ratelimit.PerSecond(1000))
		}
	})
}
