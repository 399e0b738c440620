// Package schema is the data of an order-taking service. Each entity says in
// one line whose rows it holds: mixin.Tenant makes them a tenant's, and
// schema.Global everybody's. The code generator refuses one that says nothing.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// User is a person who places orders.
type User struct{ ent.Schema }

// Mixin makes users belong to a tenant.
func (User) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of a user. Unique means unique within a tenant: two tenants can have
// a user with the same address.
func (User) Fields() []ent.Field {
	return []ent.Field{id(), field.String("email").Unique()}
}

// Edges of a user.
func (User) Edges() []ent.Edge {
	return []ent.Edge{edge.To("orders", Order.Type)}
}

// Order is what a user has ordered.
type Order struct{ ent.Schema }

// Mixin makes orders belong to a tenant.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of an order.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		id(),
		field.String("number").Unique(),
		field.String("note").Default(""),
	}
}

// Edges of an order. A link to a row of another tenant is refused.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("customer", User.Type).Ref("orders").Unique().Required(),
		edge.To("items", Item.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("tags", Tag.Type),
		edge.To("country", Country.Type).Unique().Required(),
	}
}

// Item is one line of an order.
type Item struct{ ent.Schema }

// Mixin makes items belong to a tenant.
func (Item) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of an item.
func (Item) Fields() []ent.Field {
	return []ent.Field{id(), field.String("sku"), field.Int("cents").NonNegative()}
}

// Edges of an item.
func (Item) Edges() []ent.Edge {
	return []ent.Edge{edge.From("order", Order.Type).Ref("items").Unique().Required()}
}

// Tag is a word that orders are marked with. The join table between the two
// carries the tenant too.
type Tag struct{ ent.Schema }

// Mixin makes tags belong to a tenant.
func (Tag) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of a tag.
func (Tag) Fields() []ent.Field { return []ent.Field{id(), field.String("name").Unique()} }

// Edges of a tag.
func (Tag) Edges() []ent.Edge {
	return []ent.Edge{edge.From("orders", Order.Type).Ref("tags")}
}

// Country is the same for all tenants: they read it, and cannot change it.
type Country struct{ ent.Schema }

// Annotations make countries belong to nobody, and say why.
func (Country) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("ISO 3166 is the same for everybody")}
}

// Fields of a country.
func (Country) Fields() []ent.Field { return []ent.Field{field.String("code").Unique()} }

// Edges of a country.
func (Country) Edges() []ent.Edge {
	return []ent.Edge{edge.From("orders", Order.Type).Ref("country")}
}

// id is a UUID that sorts by time. Ids that no two tenants share are one more
// reason why a request for one tenant cannot meet the row of another.
func id() ent.Field {
	return field.UUID("id", uuid.UUID{}).Default(func() uuid.UUID { return uuid.Must(uuid.NewV7()) })
}
