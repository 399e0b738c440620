package registry

// Uncached returns a store without the caches of this package that it is or stands
// on. What it reads is what the database has, also of a change that another process
// has made and that no cache here has heard of: it is for decisions that cannot be
// taken back. Changes go through the store itself, so that its caches hear of them.
//
// What encrypts is kept. A cache below a Store of another package is not seen.
func Uncached(store Store) Store {
	switch store := store.(type) {
	case *Cache:
		return Uncached(store.store)
	case *RedisCache:
		return Uncached(store.store)
	case *EncryptedStore:
		below := *store
		below.store = Uncached(store.store)
		return &below
	default:
		return store
	}
}
