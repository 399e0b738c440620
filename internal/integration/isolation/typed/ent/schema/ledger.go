package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

func byNumber() []ent.Mixin { return []ent.Mixin{mixin.Tenant{Type: schema.Int64, Column: "org_id"}} }

// Ledger belongs to a tenant whose id is a number.
type Ledger struct{ ent.Schema }

// Mixin makes Ledger tenant-scoped.
func (Ledger) Mixin() []ent.Mixin { return byNumber() }

// Fields of Ledger.
func (Ledger) Fields() []ent.Field {
	return []ent.Field{field.Int64("id"), field.String("code").Unique()}
}

// Edges of Ledger.
func (Ledger) Edges() []ent.Edge {
	return []ent.Edge{edge.To("entries", Entry.Type), edge.To("marks", Mark.Type)}
}

// Entry belongs to a tenant whose id is a number.
type Entry struct{ ent.Schema }

// Mixin makes Entry tenant-scoped.
func (Entry) Mixin() []ent.Mixin { return byNumber() }

// Fields of Entry.
func (Entry) Fields() []ent.Field { return []ent.Field{field.Int("amount")} }

// Edges of Entry.
func (Entry) Edges() []ent.Edge {
	return []ent.Edge{edge.From("ledger", Ledger.Type).Ref("entries").Unique()}
}

// Mark belongs to a tenant whose id is a number.
type Mark struct{ ent.Schema }

// Mixin makes Mark tenant-scoped.
func (Mark) Mixin() []ent.Mixin { return byNumber() }

// Fields of Mark.
func (Mark) Fields() []ent.Field { return []ent.Field{field.String("name")} }

// Edges of Mark.
func (Mark) Edges() []ent.Edge { return []ent.Edge{edge.From("ledgers", Ledger.Type).Ref("marks")} }
