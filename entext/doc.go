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
// Generation fails, naming the schema and the remedy, for a schema
//
//   - that is neither tenant-scoped nor global, or both;
//   - with a schema.Global or schema.GlobalUnique that gives no reason;
//   - that is tenant-scoped and has an entsql.Schema, with [Extension].Placement: the
//     tenant's record says where its tables are.
//
// For a tenant column
//
//   - of a type that is none of schema.String, schema.UUID and schema.Int64;
//   - that is not, or not only, the field that mixin.Tenant makes, as it makes it.
//
// For an edge
//
//   - between tenant columns of two types;
//   - of a tenant-scoped schema that is unique and whose field in Go is Tenant: it would have
//     the methods of the tenant column's field;
//   - whose foreign key is the tenant column, at whichever end;
//   - whose foreign key is a field that refers to tenants' rows, where the edge is declared
//     at the other end only;
//   - that shares its column with one to another type, if either type is tenant-scoped;
//   - from a global schema to a tenant's row, if it is required;
//   - from a tenant-scoped schema to a global one that is one-to-one, and so unique over all
//     tenants, without schema.GlobalUnique;
//   - whose join table would have two columns of the tenant column's name;
//   - whose edge schema (Through) is not tenant-scoped and joins tenants' rows, or is and joins
//     two global schemas.
//
// For OnDelete(Cascade), where deleting a row
//
//   - of a tenant deletes global ones that are read-only for tenants;
//   - deletes others of its table, to any depth, and with them global ones on which rows of
//     tenants or read-only ones hang;
//   - deletes global ones over more than 64 paths of foreign keys.
//
// And for two indexes of a schema that come to have one name, now that what is unique is
// so for each tenant.
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
