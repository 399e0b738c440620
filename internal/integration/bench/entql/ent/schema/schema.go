// Package schema is the shop of the benchmarks, made multi-tenant the way
// that ent's documentation shows: a filter in a privacy policy.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"entgo.io/ent/schema/mixin"

	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent/privacy"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/rule"
)

// Tenant adds the tenant column and the policy that filters by it.
type Tenant struct{ mixin.Schema }

// Fields of Tenant.
func (Tenant) Fields() []ent.Field {
	return []ent.Field{field.String("tenant_id").Immutable().NotEmpty().MaxLen(255)}
}

// Indexes of Tenant.
func (Tenant) Indexes() []ent.Index { return []ent.Index{index.Fields("tenant_id")} }

// Policy of Tenant.
func (Tenant) Policy() ent.Policy {
	return privacy.Policy{
		Query:    privacy.QueryPolicy{rule.RequireTenant(), rule.FilterTenant()},
		Mutation: privacy.MutationPolicy{rule.RequireTenant(), rule.FilterTenant()},
	}
}

// User owns orders.
type User struct{ ent.Schema }

// Mixin of User.
func (User) Mixin() []ent.Mixin { return []ent.Mixin{Tenant{}} }

// Fields of User.
func (User) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of User.
func (User) Edges() []ent.Edge { return []ent.Edge{edge.To("orders", Order.Type)} }

// Order has an owner, and items.
type Order struct{ ent.Schema }

// Mixin of Order.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{Tenant{}} }

// Fields of Order.
func (Order) Fields() []ent.Field {
	return []ent.Field{
		field.String("note"),
		field.Int("total"),
	}
}

// Edges of Order.
func (Order) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("owner", User.Type).Ref("orders").Unique(),
		edge.To("items", Item.Type),
	}
}

// Policy of Order, after the one of Tenant.
func (Order) Policy() ent.Policy {
	return privacy.Policy{Mutation: privacy.MutationPolicy{rule.DenyForeignOwner()}}
}

// Item is one line of an order.
type Item struct{ ent.Schema }

// Mixin of Item.
func (Item) Mixin() []ent.Mixin { return []ent.Mixin{Tenant{}} }

// Fields of Item.
func (Item) Fields() []ent.Field { return []ent.Field{field.String("sku")} }

// Edges of Item.
func (Item) Edges() []ent.Edge {
	return []ent.Edge{edge.From("order", Order.Type).Ref("items").Unique()}
}
