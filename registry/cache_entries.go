package registry

import (
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/entenancy/tenancy"
)

// entries are what a Cache holds: tenants, and names that no tenant has. Each
// kind has a size of its own, so that names made up by strangers push out no
// tenant. Times are durations since the cache was made.
type entries struct {
	byID, byIdentifier *index
	unknown            *lru.Cache[subject, time.Duration]

	rest  time.Duration // a tenant is not moved to the front again before it is over
	moves atomic.Uint64 // to the front, so far

	mu      sync.Mutex // of all changes of the above, and of what follows
	changes changes
	order   *simplelru.LRU[tenancy.ID, *entry]
	evicted uint64
	closed  bool
}

// entry is a tenant in a cache.
type entry struct {
	tenant  tenancy.Tenant
	expires time.Duration
	moved   atomic.Uint64 // which of all moves was its last
	rests   atomic.Int64  // until then it is not moved again; a time.Duration
}

// subject is what a lookup or a change is about: an id, an identifier or both.
type subject struct {
	id         tenancy.ID
	identifier string
}

func newEntries(size, unknownSize int) (*entries, error) {
	e := &entries{byID: newIndex(size), byIdentifier: newIndex(size)}
	if size >= large {
		e.rest = time.Second
	}
	var err error
	if e.order, err = simplelru.NewLRU(size, e.unlink); err != nil {
		return nil, err
	}
	e.unknown, err = lru.New[subject, time.Duration](unknownSize)
	return e, err
}

// large is the size from which on it does not matter which of two tenants was
// used last in the same second, and moving both on each use would take longer
// than finding them.
const large = 1000

// unlink is called by the order for each entry that leaves it.
func (e *entries) unlink(id tenancy.ID, left *entry) {
	e.byID.remove(string(id), left)
	e.byIdentifier.remove(left.tenant.Identifier, left)
}

// used notes that an entry was used just now, so that it is evicted late. It
// never waits: what is not noted because another goroutine is at it is used by
// so many that it will be soon.
func (e *entries) used(hit *entry, now time.Duration) {
	isFirst := e.moves.Load() == hit.moved.Load()
	if isFirst || int64(now) < hit.rests.Load() || !e.mu.TryLock() {
		return
	}
	e.order.Get(hit.tenant.ID) // which moves it, unless it has left
	hit.moved.Store(e.moves.Add(1))
	hit.rests.Store(int64(now + e.rest))
	e.mu.Unlock()
}

// put keeps a tenant that was read after change number from, and reports false
// if it has changed since.
func (e *entries) put(t tenancy.Tenant, from uint64, expires time.Duration) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || e.changes.concern(subject{t.ID, t.Identifier}, from, e.changes.latest.Load()) {
		return false
	}
	if old := e.byID.get(string(t.ID)); old != nil {
		if old.tenant.Version > t.Version {
			return false
		}
		e.order.Remove(t.ID)
	}
	if other := e.byIdentifier.get(t.Identifier); other != nil {
		e.order.Remove(other.tenant.ID) // it was renamed, or erased
	}
	added := &entry{tenant: t, expires: expires}
	added.moved.Store(e.moves.Add(1))
	if e.order.Add(t.ID, added) {
		e.evicted++
	}
	e.byID.put(string(t.ID), added)
	e.byIdentifier.put(t.Identifier, added)
	e.unknown.Remove(subject{id: t.ID})
	e.unknown.Remove(subject{identifier: t.Identifier})
	return true
}

// putUnknown keeps that no tenant was found after change number from.
func (e *entries) putUnknown(about subject, from uint64, expires time.Duration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed && !e.changes.concern(about, from, e.changes.latest.Load()) {
		e.unknown.Add(about, expires)
	}
}

// changedBetween reports whether what was read after change number from is not
// what someone shall get who came after change number to.
func (e *entries) changedBetween(about subject, from, to uint64) bool {
	if to <= from {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.changes.concern(about, from, to)
}

// invalidate drops what has changed.
func (e *entries) invalidate(inv Invalidation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes.add(inv)
	if inv.All {
		e.order.Purge()
		e.unknown.Purge()
		return
	}
	for _, id := range inv.IDs {
		e.order.Remove(id)
	}
	for _, identifier := range inv.Identifiers {
		if found := e.byIdentifier.get(identifier); found != nil {
			e.order.Remove(found.tenant.ID)
		}
	}
	e.removeUnknown(inv)
}

// forgetUnknown drops that no tenant has the ids and identifiers, and keeps
// those who have them.
func (e *entries) forgetUnknown(inv Invalidation) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.changes.add(inv)
	e.removeUnknown(inv)
}

func (e *entries) removeUnknown(inv Invalidation) {
	for _, id := range inv.IDs {
		e.unknown.Remove(subject{id: id})
	}
	for _, identifier := range inv.Identifiers {
		e.unknown.Remove(subject{identifier: identifier})
	}
}

// close drops everything and keeps nothing any more.
func (e *entries) close() {
	e.invalidate(Invalidation{All: true})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
}

// purge drops what has expired, and returns how many it dropped. It holds the
// lock for one entry at a time.
func (e *entries) purge(now time.Duration) (purged int) {
	e.byID.all(func(old *entry) {
		if now < old.expires {
			return
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.byID.get(string(old.tenant.ID)) == old {
			e.order.Remove(old.tenant.ID)
			purged++
		}
	})
	for _, name := range e.unknown.Keys() {
		if expires, ok := e.unknown.Peek(name); ok && now >= expires && e.unknown.Remove(name) {
			purged++
		}
	}
	return purged
}
