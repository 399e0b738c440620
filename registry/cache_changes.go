package registry

import "sync/atomic"

// remembered is how many changes a cache remembers: those that can happen
// while one tenant is read. A read that takes longer is not kept.
const remembered = 256

// changes are the latest invalidations. A tenant that was read while it was
// changed may be the one from before, and is recognised by them: its id is
// only known once it has been read.
type changes struct {
	latest atomic.Uint64 // the number of the newest; it can be read at any time, all else needs the entries' lock
	ring   [remembered]Invalidation
}

func (c *changes) add(inv Invalidation) {
	n := c.latest.Load() + 1
	c.ring[n%remembered] = inv
	c.latest.Store(n)
}

// concern reports whether a change after number from, up to number to, was
// about the tenant with the id or about the identifier. In doubt it was.
func (c *changes) concern(about subject, from, to uint64) bool {
	if to <= from {
		return false
	}
	if c.latest.Load()-from > remembered {
		return true
	}
	for n := from + 1; n <= to; n++ {
		if c.ring[n%remembered].concerns(about) {
			return true
		}
	}
	return false
}
