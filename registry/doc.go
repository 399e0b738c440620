// Package registry keeps the tenants of an application: who they are, whether
// they are served and where their rows live.
//
//	db, err := sql.Open("pgx", url)
//	...
//	store, err := registry.NewEntStore(entsql.OpenDB(dialect.Postgres, db), registry.EntConfig{})
//	...
//	err = store.Init(ctx) // makes the table tenancy_tenants
//
// A tenant is created with what only the caller can know. The rest has defaults:
//
//	acme, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc."})
//	if errors.Is(err, tenancy.ErrExists) {
//		...
//	}
//
// It is found by the name in a URL or header, or by its id:
//
//	acme, err = store.ByIdentifier(ctx, "acme")
//	acme, err = store.ByID(ctx, acme.ID)
//
// And many are read a page at a time:
//
//	query := registry.Query{Status: tenancy.StatusActive}
//	for more := true; more; more = query.After != "" {
//		page, err := store.List(ctx, query)
//		...
//		query.After = page.Next
//	}
//
// # Contexts
//
// The registry belongs to no tenant. Its calls need no tenant in their context
// and do not look for one: a context decides how long a call may take, no more.
// Give it the plain driver, not the one that holds an application's queries to
// their tenant.
//
// # A store of your own
//
// [Store] is what the rest of the library asks of a registry, and [tenancy.Lookup]
// is all that package middleware asks. Implement either to keep tenants elsewhere.
package registry
