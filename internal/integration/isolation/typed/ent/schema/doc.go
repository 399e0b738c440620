// Package schema is an application whose tenants have ids of other types than
// text: UUIDs for documents, numbers for ledgers.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

func byUUID() []ent.Mixin { return []ent.Mixin{mixin.Tenant{Type: schema.UUID}} }

// Doc belongs to a tenant whose id is a UUID.
type Doc struct{ ent.Schema }

// Mixin makes Doc tenant-scoped.
func (Doc) Mixin() []ent.Mixin { return byUUID() }

// Fields of Doc.
func (Doc) Fields() []ent.Field {
	return []ent.Field{field.UUID("id", uuid.UUID{}).Default(uuid.New), field.String("title").Unique()}
}

// Edges of Doc.
func (Doc) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("parts", Doc.Type).From("whole").Unique(),
		edge.To("tags", Tag.Type),
	}
}

// Tag belongs to a tenant whose id is a UUID.
type Tag struct{ ent.Schema }

// Mixin makes Tag tenant-scoped.
func (Tag) Mixin() []ent.Mixin { return byUUID() }

// Fields of Tag. One has the name that the join table gives a doc's key.
func (Tag) Fields() []ent.Field {
	return []ent.Field{field.String("name"), field.UUID("doc_id", uuid.UUID{}).Optional()}
}

// Edges of Tag.
func (Tag) Edges() []ent.Edge { return []ent.Edge{edge.From("docs", Doc.Type).Ref("tags")} }
