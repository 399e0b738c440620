// Package entext is the extension of ent's code generator that keeps the
// generated client inside one tenant. It is used in one line of entc.go and
// nowhere else:
//
//	//go:build ignore
//
//	package main
//
//	func main() {
//		err := entc.Generate("./schema", &gen.Config{}, entc.Extensions(entext.Extension{}))
//		if err != nil {
//			log.Fatal(err)
//		}
//	}
//
// It needs none of ent's feature flags and works beside all of them. Where
// tenants have schemas or databases of their own, [Extension].Placement lets
// the client tell whose tables it means: it is needed there if there is a global entity,
// and for schemas on MySQL. ent.TenancyDriver(drv) takes the place of ent.Driver(drv).
//
// # What it generates
//
// Calls of package privacy at the points where ent builds its queries, below
// hooks, interceptors and policies; a file tenancy.go that describes the
// entities to them; and migrate/tenancy.go with the tenant column of join
// tables and the metadata for composite keys and policies.
//
// # What it refuses
//
// Generation fails, naming the schema and the remedy, for a schema that is
// neither tenant-scoped nor global, an edge schema between tenants' entities
// that is not scoped itself, one between two global entities that is, a global
// entity with a required foreign key to a tenant's row, an edge between tenant
// columns of two types, a one-to-one edge that would be unique over all tenants, an
// edge whose foreign key is the tenant column, at whichever end, two edges over one
// column to different types, a field that is the foreign key of an edge which
// is declared at the other end only, a join table that would have two columns of the
// tenant column's name, a tenant column that is not, or not only, the
// field that mixin.Tenant makes, global rows that are read-only for tenants and
// would be deleted with a tenant's (OnDelete(Cascade)), rows that delete others of their
// table and with them global ones, on which rows of tenants or read-only ones hang, and
// two indexes that come to have one name.
//
// # What it changes
//
// Unique fields and indexes of a tenant-scoped schema become unique for each
// tenant: ("tenant_id", field). An upsert then names both columns:
// OnConflictColumns(order.FieldTenantID, order.FieldNumber). A field, index or
// edge annotated with schema.GlobalUnique stays as it is. A schema annotated with
// entsql.Skip is enforced like any other; its table, with its indexes and whatever
// the database is to hold by itself, is made by somebody else.
package entext
