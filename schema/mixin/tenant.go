package mixin

import (
	"entgo.io/ent"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	entmixin "entgo.io/ent/schema/mixin"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
	"github.com/entenancy/tenancy/schema"
)

// Tenant makes the schema that embeds it tenant-scoped: each row belongs to
// one tenant, and a context sees and changes the rows of its own tenant only.
// The zero Tenant is ready for use.
//
// With no tenant in the context every operation fails with
// tenancy.ErrNoTenant. In a tenancy.System scope all rows are in reach, and
// creating one needs an explicit SetTenantID.
type Tenant struct {
	entmixin.Schema

	// Type is the type of the tenant column. Defaults to schema.String.
	// With schema.UUID and schema.Int64, tenants whose id is not of that form
	// are refused with tenancy.ErrInvalidID.
	Type schema.ColumnType
	// Column is the name of the column in the database. Defaults to
	// "tenant_id". The ent field is called tenant_id all the same.
	Column string
}

// Fields returns the tenant_id field: required, immutable, filled in by the hook.
func (t Tenant) Fields() []ent.Field {
	switch t.Type {
	case schema.UUID:
		return []ent.Field{field.UUID(privacy.TenantField, uuid.UUID{}).Immutable().StorageKey(t.column())}
	case schema.Int64:
		return []ent.Field{field.Int64(privacy.TenantField).Immutable().StorageKey(t.column())}
	default:
		return []ent.Field{field.String(privacy.TenantField).Immutable().NotEmpty().MaxRuneLen(tenancy.MaxIDLength).StorageKey(t.column())}
	}
}

// Indexes returns an index on tenant_id.
func (Tenant) Indexes() []ent.Index {
	return []ent.Index{index.Fields(privacy.TenantField)}
}

// Annotations returns the mark that entext generates the enforcement by.
func (t Tenant) Annotations() []schema.Annotation {
	typ := t.Type
	if typ == "" {
		typ = schema.String
	}
	return []schema.Annotation{schema.Tenancy{Column: t.column(), Type: typ}}
}

// Policy returns the rules that a context needs a tenant and that a mutation
// must not name another one. They decide nothing else, so that the schema's
// own policy goes on from there.
func (Tenant) Policy() ent.Policy { return privacy.Policy() }

// Hooks returns the hook that fills tenant_id in.
func (t Tenant) Hooks() []ent.Hook { return []ent.Hook{privacy.Hook(t.kind())} }

// Interceptors returns the guard that refuses queries without a tenant and
// clients that were generated without entext.
func (t Tenant) Interceptors() []ent.Interceptor {
	return []ent.Interceptor{privacy.Interceptor(t.kind())}
}

func (t Tenant) column() string {
	if t.Column == "" {
		return privacy.TenantField
	}
	return t.Column
}

func (t Tenant) kind() privacy.Kind {
	switch t.Type {
	case schema.UUID:
		return privacy.KindUUID
	case schema.Int64:
		return privacy.KindInt64
	default:
		return privacy.KindString
	}
}
