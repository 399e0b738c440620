package schema

import (
	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema/edge"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/schema"
)

// Country is global and read-only for tenants.
type Country struct{ ent.Schema }

// Annotations make Country global.
func (Country) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("ISO 3166, the same for everybody")}
}

// Fields of Country.
func (Country) Fields() []ent.Field { return []ent.Field{field.String("code").Unique()} }

// Edges of Country.
func (Country) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("orders", Order.Type).Ref("country"),
		edge.From("accounts", Account.Type).Ref("countries"),
	}
}

// Label is global and read-only, many-to-many with orders.
type Label struct{ ent.Schema }

// Annotations make Label global.
func (Label) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("a fixed list of labels")}
}

// Fields of Label.
func (Label) Fields() []ent.Field { return []ent.Field{field.String("name").Unique()} }

// Edges of Label.
func (Label) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("orders", Order.Type).Ref("labels"),
		edge.From("holders", Account.Type).Ref("titles").Through("grants", Grant.Type),
	}
}

// Badge is global and read-only; its foreign key refers to a tenant's user.
type Badge struct{ ent.Schema }

// Annotations make Badge global.
func (Badge) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("the house lends badges to users of all tenants")}
}

// Fields of Badge.
func (Badge) Fields() []ent.Field { return []ent.Field{field.String("name").Unique()} }

// Edges of Badge.
func (Badge) Edges() []ent.Edge {
	return []ent.Edge{edge.From("bearer", User.Type).Ref("badges").Unique()}
}

// Account is global, tenants may write it, and each kind of edge to tenants'
// rows hangs on it.
type Account struct{ ent.Schema }

// Annotations make Account global.
func (Account) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("a person signs in once for all tenants", schema.Writable())}
}

// Fields of Account.
func (Account) Fields() []ent.Field { return []ent.Field{field.String("login").Unique()} }

// Edges of Account.
func (Account) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("users", User.Type).Ref("accounts"),
		edge.To("memos", Memo.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("favorite", Memo.Type).Unique(),
		edge.To("titles", Label.Type).Through("grants", Grant.Type),
		edge.To("countries", Country.Type),
		edge.To("devices", Device.Type).Annotations(entsql.OnDelete(entsql.Cascade)),
	}
}

// Device is global, tenants may write it, and it goes with its account or with the
// memo of a tenant, and rows of any tenant hang on it.
type Device struct{ ent.Schema }

// Annotations make Device global.
func (Device) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("tenants share their devices", schema.Writable())}
}

// Fields of Device.
func (Device) Fields() []ent.Field { return []ent.Field{field.String("name").Unique()} }

// Edges of Device.
func (Device) Edges() []ent.Edge {
	return []ent.Edge{
		edge.From("account", Account.Type).Ref("devices").Unique(),
		edge.From("manual", Memo.Type).Ref("devices").Unique(),
		edge.From("watchers", User.Type).Ref("watched_devices"),
		edge.To("notes", Memo.Type),
	}
}

// Grant is the edge schema of accounts and labels. It is global and read-only, and
// goes with its account.
type Grant struct{ ent.Schema }

// Annotations make Grant global.
func (Grant) Annotations() []schema.Annotation {
	return []schema.Annotation{schema.Global("the house grants titles")}
}

// Fields of Grant.
func (Grant) Fields() []ent.Field {
	return []ent.Field{field.String("remark").Default(""), field.Int("account_id"), field.Int("label_id")}
}

// Edges of Grant.
func (Grant) Edges() []ent.Edge {
	return []ent.Edge{
		edge.To("account", Account.Type).Unique().Required().Field("account_id").Annotations(entsql.OnDelete(entsql.Cascade)),
		edge.To("label", Label.Type).Unique().Required().Field("label_id"),
	}
}
