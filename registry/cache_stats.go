package registry

import (
	"math/rand/v2"
	"sync/atomic"
)

// CacheStats are what a Cache has done since it was made. The counts are exact.
type CacheStats struct {
	// Hits are lookups of tenants that were answered from the cache.
	Hits uint64 `json:"hits"`
	// NegativeHits are lookups of ids and identifiers that no tenant has, and
	// that were answered from the cache.
	NegativeHits uint64 `json:"negative_hits"`
	// Misses are lookups that were not in the cache, or had expired there,
	// whether they went to the store or waited for another's read.
	Misses uint64 `json:"misses"`
	// Reads are those of the store, for misses. Lookups that miss the same
	// tenant at once share a read.
	Reads uint64 `json:"reads"`
	// Evictions are tenants that had to leave for others.
	Evictions uint64 `json:"evictions"`
	// Flushes is how often all was dropped, because invalidations may have been missed.
	Flushes uint64 `json:"flushes"`
	// Unpublished is how often the other processes could not be told of a
	// change at once.
	Unpublished uint64 `json:"unpublished"`
	// Tenants and Unknown are how many tenants, and how many ids and
	// identifiers that no tenant has, are in the cache now. What has expired
	// and was not purged yet is counted.
	Tenants int `json:"tenants"`
	Unknown int `json:"unknown"`
}

// HitRate returns the share of lookups that were answered from the cache, from
// 0 to 1. It is 0 if there were none.
func (s CacheStats) HitRate() float64 {
	hits := s.Hits + s.NegativeHits
	if hits == 0 {
		return 0
	}
	return float64(hits) / float64(hits+s.Misses)
}

// Stats returns what the cache has done so far.
func (c *Cache) Stats() CacheStats {
	c.entries.mu.Lock()
	tenants, evicted := c.entries.order.Len(), c.entries.evicted
	c.entries.mu.Unlock()
	return CacheStats{
		Hits: c.hits.sum(), NegativeHits: c.negativeHits.sum(), Misses: c.misses.sum(), Reads: c.reads.sum(),
		Evictions: evicted, Flushes: c.flushes.sum(), Unpublished: c.outbox.failures.sum(),
		Tenants: tenants, Unknown: c.entries.unknown.Len(),
	}
}

// counter counts what many goroutines do at once. It is spread over several
// cache lines, so that they rarely wait for each other's.
type counter struct {
	parts [16]struct {
		n atomic.Uint64
		_ [56]byte
	}
}

func (c *counter) add(n int) {
	c.parts[rand.Uint32()%uint32(len(c.parts))].n.Add(uint64(n)) //nolint:gosec // chance picks a place to count, and n is not negative
}

func (c *counter) sum() (sum uint64) {
	for i := range c.parts {
		sum += c.parts[i].n.Load()
	}
	return sum
}
