// Package schema is an application's schema with every kind of edge that ent
// has, for the attack suite.
package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// User is tenant-scoped and has an edge of every kind.
type User struct{ ent.Schema }

// Mixin makes User tenant-scoped.
func (User) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of User.
func (User) Fields() []ent.Field {
	return []ent.Field{
		field.String("name"),
		field.String("email").Unique().Optional().Nillable(),
		field.String("domain").Unique().Optional().Nillable().
			Annotations(schema.GlobalUnique("a domain is served for one tenant only")),
		field.Int("age").Default(0),
		field.Strings("tags").Optional(),
	}
}

// Edges of User.
func (User) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("orders", Order.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("watched", Order.Type), // orders know nothing of it
		edge.To("profile", Profile.Type).Unique().Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("groups", Group.Type),
		edge.To("spouse", User.Type).Unique(),
		edge.To("friends", User.Type),
		edge.To("following", User.Type).From("followers"),
		edge.To("reports", User.Type).From("manager").Unique(),
		edge.To("teams", Team.Type).Through("memberships", Membership.Type),
		edge.To("clubs", Club.Type).Through("visits", Visit.Type),
		edge.To("accounts", Account.Type),
		edge.To("badges", Badge.Type),
		edge.To("watched_devices", Device.Type),
	}
}
