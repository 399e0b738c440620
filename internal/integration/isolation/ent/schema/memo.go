package schema

import (
	"context"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/privacy"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"
	entmixin "entgo.io/ent/schema/mixin"

	"github.com/entenancy/tenancy/schema/mixin"
)

// Memo is tenant-scoped, behind a mixin that allows everything and a hook that
// does what the test tells it to.
type Memo struct{ ent.Schema }

// Mixin puts the permissive policy before the tenant's.
func (Memo) Mixin() []ent.Mixin { return []ent.Mixin{AllowEverything{}, mixin.Tenant{}} }

// Fields of Memo.
func (Memo) Fields() []ent.Field { return []ent.Field{field.String("text")} }

// Edges of Memo.
func (Memo) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("memos").Unique(),
		edge.To("devices", Device.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.From("about", Device.Type).Ref("notes").Unique(),
	}
}

// Hooks of Memo run below the hook of mixin.Tenant.
func (Memo) Hooks() []ent.Hook {
	return []ent.Hook{func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if change, ok := ctx.Value(changeKey{}).(func(ent.Mutation) error); ok {
				if err := change(m); err != nil {
					return nil, err
				}
			}
			if turn, ok := ctx.Value(turnKey{}).(func(context.Context) context.Context); ok {
				ctx = turn(ctx)
			}
			return next.Mutate(ctx, m)
		})
	}}
}

type (
	changeKey struct{}
	turnKey   struct{}
)

// WithChange returns a context in which Memo's hook applies change to every mutation.
func WithChange(ctx context.Context, change func(ent.Mutation) error) context.Context {
	return context.WithValue(ctx, changeKey{}, change)
}

// WithTurn returns a context in which Memo's hook goes on in the context that turn returns.
func WithTurn(ctx context.Context, turn func(context.Context) context.Context) context.Context {
	return context.WithValue(ctx, turnKey{}, turn)
}

// AllowEverything is a mixin whose policy ends all evaluation with Allow.
type AllowEverything struct{ entmixin.Schema }

// Policy allows everything.
func (AllowEverything) Policy() ent.Policy {
	return privacy.Policy{
		Query:    privacy.QueryPolicy{privacy.AlwaysAllowRule()},
		Mutation: privacy.MutationPolicy{privacy.AlwaysAllowRule()},
	}
}
