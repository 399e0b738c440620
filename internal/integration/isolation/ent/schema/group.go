package schema

import (
	"time"

	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// Group is tenant-scoped, many-to-many with users by a join table.
type Group struct{ ent.Schema }

// Mixin makes Group tenant-scoped.
func (Group) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Group.
func (Group) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of Group.
func (Group) Edges() []ent.Edge {
	return []ent.Edge{edge.From("users", User.Type).Ref("groups")}
}

// Team is tenant-scoped, many-to-many with users through an edge schema.
type Team struct{ ent.Schema }

// Mixin makes Team tenant-scoped.
func (Team) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Team.
func (Team) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of Team.
func (Team) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("users", User.Type).Ref("teams").Through("memberships", Membership.Type),
	}
}

// Membership is the edge schema of users and teams, with an id of its own.
type Membership struct{ ent.Schema }

// Mixin makes Membership tenant-scoped.
func (Membership) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Membership.
func (Membership) Fields() []ent.Field {
	return []ent.Field{
		field.String("role").Default("member"),
		field.Time("joined_at").Default(time.Now),
		field.Int("user_id"),
		field.Int("team_id"),
	}
}

// Edges of Membership.
func (Membership) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("user", User.Type).Unique().Required().Field("user_id"),
		edge.To("team", Team.Type).Unique().Required().Field("team_id"),
	}
}

// Club is tenant-scoped, many-to-many with users through an edge schema whose
// id is composite.
type Club struct{ ent.Schema }

// Mixin makes Club tenant-scoped.
func (Club) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Fields of Club.
func (Club) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of Club.
func (Club) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("guests", User.Type).Ref("clubs").Through("visits", Visit.Type),
	}
}

// Visit is the edge schema of users and clubs.
type Visit struct{ ent.Schema }

// Mixin makes Visit tenant-scoped.
func (Visit) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Annotations give Visit its composite id.
func (Visit) Annotations() []schema.Annotation {
	return []schema.Annotation{field.ID("guest_id", "club_id")}
}

// Fields of Visit.
func (Visit) Fields() []ent.Field {
	return []ent.Field{
		field.String("remark").Default(""),
		field.Int("guest_id"),
		field.Int("club_id"),
	}
}

// Edges of Visit.
func (Visit) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("guest", User.Type).Unique().Required().Field("guest_id"),
		edge.To("club", Club.Type).Unique().Required().Field("club_id"),
	}
}
