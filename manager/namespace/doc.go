// Package namespace makes, marks, checks and drops the schemas, databases and
// files in which tenants live. Package manager calls it when it provisions and
// erases tenants.
//
//	schemas, err := namespace.NewPostgresSchemas(db, namespace.PostgresSchemasConfig{Roles: []string{"shop"}})
//	...
//	placement, err := schemas.Plan(tenant) // tenant_0190c6a2_…, from the id
//	...                                    // kept in the registry, and never derived again
//	made, err := schemas.Make(ctx, tenant, "")
//	err = schemas.Verify(ctx, tenant)
//	dropped, err := schemas.Drop(ctx, tenant)
//
// There is a [Keeper] for each kind of namespace: [PostgresSchemas],
// [PostgresDatabases], [MySQL] (made by [NewMySQLSchemas] and [NewMySQLDatabases])
// and [SQLite].
//
// # Whose it is
//
// A namespace bears the mark of the tenant that it was made for: a comment on
// PostgreSQL, a row in the table tenancy_namespace elsewhere. One that is there
// already and does not is tenancy.ErrForeignNamespace, whatever it is called: it
// is neither used nor dropped. Names go by tenants' ids, one to one (see [Names]),
// and not by identifiers, which change hands. A mark does not say which home the
// tenant is of: homes that share a server need different prefixes, and a copy of a
// registry, such as staging's, must not reach the namespaces of the original.
//
// # Crashes and races
//
// A call that was interrupted at any point is made good by making it again, and
// so is one that another process makes at the same time. No namespace is without
// its mark for a moment where somebody could take it for a foreign one.
//
// # Spares
//
// [Spares] are made beforehand, migrated, and handed out by Make: to one tenant
// each, however many ask. On PostgreSQL that is a renaming, in one message to the
// server. On MySQL, which cannot rename databases, the tenant's is called as the
// spare was, and Made says so. On SQLite a spare is a template that is copied.
package namespace
