package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy/schema/mixin"
)

// Order is tenant-scoped; its owner is an edge with a field.
type Order struct{ ent.Schema }

// Mixin makes Order tenant-scoped.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Order.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.String("number").Unique(),
		field.String("note").Default(""),
		field.Int("total").Default(0),
		field.Int("owner_id").Optional().Nillable(),
	}
}

// Edges of Order.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("owner", User.Type).Ref("orders").Field("owner_id").Unique(),
		edge.To("items", Item.Type),
		edge.To("country", Country.Type).Unique(),
		edge.To("labels", Label.Type),
	}
}

// Indexes of Order.
func (Order) Indexes() []ent.Index {
	return []ent.Index{index.Fields("number", "total").Unique()}
}

// Item is tenant-scoped and loses its order when that is deleted.
type Item struct{ ent.Schema }

// Mixin makes Item tenant-scoped.
func (Item) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Item.
func (Item) Fields() []ent.Field {
	return []ent.Field{
		field.UUID("id", uuid.UUID{}).Default(uuid.New),
		field.String("sku"),
		field.Int("price").Default(0),
	}
}

// Edges of Item.
func (Item) Edges() []ent.Edge {
	return []ent.Edge{edge.From("order", Order.Type).Ref("items").Unique()}
}

// Profile is tenant-scoped and one-to-one with a user.
type Profile struct{ ent.Schema }

// Mixin makes Profile tenant-scoped.
func (Profile) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Profile.
func (Profile) Fields() []ent.Field { return []ent.Field{field.String("bio")} }

// Edges of Profile.
func (Profile) Edges() []ent.Edge {
	return []ent.Edge{edge.From("user", User.Type).Ref("profile").Unique()}
}
