// Package registry keeps the tenants of an application: who they are, whether
// they are served and where their rows live.
//
//	db, err := sql.Open("pgx", url)
//	...
//	store, err := registry.NewEntStore(entsql.OpenDB(dialect.Postgres, db), registry.EntConfig{})
//	...
//	err = store.Init(ctx) // makes the table tenancy_tenants, or brings it up to date
//
// A tenant is created with what only the caller can know. The rest has defaults:
//
//	acme, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc."})
//	if errors.Is(err, tenancy.ErrExists) {
//		...
//	}
//
// It is found by the name in a URL or header, by its id, or by what someone
// remembers of its name:
//
//	acme, err = store.ByIdentifier(ctx, "acme")
//	acme, err = store.ByID(ctx, acme.ID)
//	page, err := store.Search(ctx, "acm", 10)
//
// Many are read a page at a time, or one after the other in one page of memory:
//
//	page, err = store.List(ctx, registry.Query{Status: tenancy.StatusActive, After: page.Next})
//
//	for tenant, err := range registry.All(ctx, store, registry.Query{}) {
//		...
//	}
//
// # Changes
//
// Whoever changes a tenant's record reads it first, and writes it back with
// Update, which refuses with [tenancy.ErrConflict] if someone else was faster:
//
//	acme.Identifier, acme.Plan = "acme-corp", "gold"
//	acme, err = store.Update(ctx, acme)
//
// What does not depend on the rest of the record needs no reading first: its
// status, and single keys of its metadata.
//
//	acme, err = store.SetStatus(ctx, acme.ID, tenancy.StatusSuspended)
//	acme, err = store.MergeMetadata(ctx, acme.ID, map[string]any{"seats": 50}, "trial")
//
// [Delete] is a status too, which [Restore] takes back. Erase is for good.
//
// # Domains
//
// Tenants bring domains along, by which middleware.Host finds them. A cache
// of them spares most lookups a query:
//
//	domains, err := registry.NewDomainCache(store.Domains(), cache, registry.DomainCacheConfig{})
//	err = domains.Add(ctx, acme.ID, "shop.acme.com")
//
// # Stores
//
// [EntStore] is on PostgreSQL, MySQL, MariaDB and SQLite; [MemoryStore] is for
// tests. Both do the same, and so does whatever else passes the tests in
// package registrytest: implement [Store], with the help of [Created],
// [Updated], [WithStatus] and [WithMetadata], to keep tenants elsewhere. Of all
// that, package middleware asks for a [tenancy.Lookup] only.
//
// Stores go around stores: a [Cache] in the process around an [EncryptedStore]
// around a [RedisCache] around the database. Changes are made through the
// topmost one, and [Invalidations] bring them to other processes.
//
// # Broken records
//
// A record that someone has spoiled behind the registry's back, so that it
// says an unknown status or isolation or holds metadata that is no object, is
// an error for its tenant and for no other: see [BrokenError] and [Page].
//
// # Contexts
//
// The registry belongs to no tenant. Its calls need no tenant in their context
// and do not look for one: a context decides how long a call may take, no more.
// Give it the plain driver, not the one that holds an application's queries to
// their tenant.
package registry
