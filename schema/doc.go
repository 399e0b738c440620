// Package schema holds the words with which an ent schema says how it relates
// to tenants. It is linked into applications and imports nothing of ent's code
// generator.
//
// A schema is tenant-scoped by embedding mixin.Tenant, or global by saying so
// and why; entext refuses to generate code for one that is neither:
//
//	import "github.com/entenancy/tenancy/schema"
//
//	type Country struct{ ent.Schema }
//
//	func (Country) Annotations() []schema.Annotation {
//		return []schema.Annotation{schema.Global("ISO 3166, the same for everybody")}
//	}
//
// Unique fields and indexes of a tenant-scoped schema are unique for each
// tenant. One that has to be unique over all of them says so:
//
//	field.String("domain").Unique().
//		Annotations(schema.GlobalUnique("a domain can be served by one tenant only"))
//
// Every reason is written for the reviewer who asks "why may this cross
// tenants?". An empty one fails code generation.
package schema
