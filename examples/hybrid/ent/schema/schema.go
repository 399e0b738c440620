// Package schema says what the shop keeps, and which of it belongs to a tenant.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// Order is a tenant's.
type Order struct{ ent.Schema }

// Mixin of the Order.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of the Order.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.String("number").Unique(), // for each tenant
		field.Int("cents").Positive(),
	}
}

// Edges of the Order.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("items", Item.Type),
		edge.To("country", Country.Type).Unique(),
	}
}

// Item of an order.
type Item struct{ ent.Schema }

// Mixin of the Item.
func (Item) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of the Item.
func (Item) Fields() []ent.Field { return []ent.Field{field.String("sku")} }

// Edges of the Item.
func (Item) Edges() []ent.Edge {
	return []ent.Edge{edge.From("order", Order.Type).Ref("items").Unique()}
}

// Country is everybody's.
type Country struct{ ent.Schema }

// Annotations of the Country.
func (Country) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("ISO 3166 is the same for everybody")}
}

// Fields of the Country.
func (Country) Fields() []ent.Field { return []ent.Field{field.String("code").Unique()} }
