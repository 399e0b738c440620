// Package shop is the schema of the example.
package shop

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// Order belongs to a tenant.
type Order struct{ ent.Schema }

// Mixin makes it so.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of an order.
func (Order) Fields() []ent.Field { return []ent.Field{field.String("number").Unique()} }

// Country belongs to nobody.
type Country struct{ ent.Schema }

// Annotations make it so.
func (Country) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("ISO 3166 is the same for everybody")}
}
