package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/entenancy/tenancy"
)

// domainTable is not "domains", which an application may have for itself.
const domainTable = "tenancy_domains"

// Domain is the row of one domain name of a tenant. It never changes.
type Domain struct{ ent.Schema }

// Annotations of the Domain.
func (Domain) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table(domainTable)}
}

// Fields of the Domain. The name is the key, so that it is one tenant's. There
// is no edge: tenants' ids can have another collation, where MySQL makes no
// foreign key, and SQLite would not heed it.
func (Domain) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").StorageKey("domain").MaxRuneLen(253).NotEmpty().Immutable(),
		field.String("tenant_id").GoType(tenancy.ID("")).MaxRuneLen(255).NotEmpty().Immutable(),
		field.Time("created_at").SchemaType(microseconds()).Immutable().Default(now),
	}
}

// Indexes of the Domain: of a tenant's.
func (Domain) Indexes() []ent.Index {
	return []ent.Index{index.Fields("tenant_id").StorageKey(domainTable + "_tenant_id")}
}
