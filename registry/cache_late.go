package registry

import "github.com/entenancy/tenancy"

// late is a store whose changes can come late to what other processes read: a
// [RedisCache] that could not reach Redis, and a store over one. Another's
// [Cache] that heard of such a change at once may have read the old tenant
// from there since, so it has to hear of it again.
type late interface {
	// onLate has hear called with the tenants whose changes have come late,
	// until stop is called.
	onLate(hear func([]tenancy.ID)) (stop func())
}

func onLate(store Store, hear func([]tenancy.ID)) (stop func()) {
	if below, ok := store.(late); ok {
		return below.onLate(hear)
	}
	return func() {}
}

func (s *EncryptedStore) onLate(hear func([]tenancy.ID)) (stop func()) { return onLate(s.store, hear) }

func (c *RedisCache) onLate(hear func([]tenancy.ID)) (stop func()) { return c.outage.onLate(hear) }

// hearLate tells the other processes again.
func (c *Cache) hearLate(ids []tenancy.ID) {
	if !c.begin() {
		return
	}
	defer c.busy.Done()
	c.changed(c.life, ids)
}
