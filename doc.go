// Package tenancy is the vocabulary of a multi-tenant application built on
// ent (https://entgo.io): what a tenant is, which tenant a context acts for,
// and how an operation is refused.
//
// # One tenant per context
//
// A request handler never passes a tenant around. A middleware, a job runner
// or a test puts it into the context once, and everything below reads it from
// there:
//
//	ctx = tenancy.NewContext(ctx, tenant)
//	orders, err := client.Order.Query().All(ctx) // this tenant's orders only
//
// A context without a tenant is refused with [ErrNoTenant]; it never means
// "all tenants". The one way past the filter is [System], which has to give
// its reason:
//
//	ctx = tenancy.System(ctx, "nightly invoice run")
//
// Contexts nest and restore by themselves: the innermost call wins, and the
// outer tenant is back as soon as the outer context is used again.
//
// # Where the rest lives
//
// Begin with manager: it puts the parts together from one configuration, makes
// tenants and sees them through their life. This package imports the standard library
// only, so that every other part can speak its language:
//
//   - schema/mixin marks an ent schema as tenant-scoped, schema marks one as global;
//   - entext generates the enforcement into the ent client, privacy is what
//     the generated code calls;
//   - registry keeps the tenants, middleware finds the one a request is for;
//   - driver sends each statement to its tenant's place: shared tables, a schema or
//     a database;
//   - migrate brings the tables of all tenants up to date.
package tenancy
