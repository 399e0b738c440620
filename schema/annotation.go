package schema

import "entgo.io/ent/schema"

// Annotation is ent's, so that a schema file that uses this package's
// annotations does not have to import both packages.
type Annotation = schema.Annotation

// AnnotationName is the key under which ent's code generator finds what a
// schema, field, edge or index says about tenancy.
const AnnotationName = "Tenancy"

// ColumnType is how the tenant column stores a tenant's id.
type ColumnType string

// The types a tenant column can have.
const (
	// String stores the id as it is. It is the default.
	String ColumnType = "string"
	// UUID stores ids that are UUIDs in their canonical text form.
	UUID ColumnType = "uuid"
	// Int64 stores ids that are decimal integers.
	Int64 ColumnType = "int64"
)

// Tenancy is the annotation itself, as entext reads it. Use mixin.Tenant,
// Global and GlobalUnique instead of writing one.
type Tenancy struct {
	// Column is the tenant column of a tenant-scoped schema.
	Column string `json:"column,omitempty"`
	// Type is the type of that column.
	Type ColumnType `json:"type,omitempty"`
	// Global marks a schema whose rows belong to no tenant.
	Global bool `json:"global,omitempty"`
	// Writable lets a tenant's context write the rows of a global schema.
	Writable bool `json:"writable,omitempty"`
	// GlobalUnique keeps a unique field, edge or index unique over all tenants.
	GlobalUnique bool `json:"global_unique,omitempty"`
	// Reason says why Global or GlobalUnique.
	Reason string `json:"reason,omitempty"`
}

// Name implements ent's schema.Annotation.
func (Tenancy) Name() string { return AnnotationName }

// Merge implements ent's schema.Merger: a schema that is said to be scoped and
// global at once keeps both, for entext to refuse.
func (t Tenancy) Merge(other schema.Annotation) schema.Annotation {
	o, ok := other.(Tenancy)
	if !ok {
		return t
	}
	if o.Column != "" {
		t.Column, t.Type = o.Column, o.Type
	}
	if o.Reason != "" {
		t.Reason = o.Reason
	}
	t.Global = t.Global || o.Global
	t.Writable = t.Writable || o.Writable
	t.GlobalUnique = t.GlobalUnique || o.GlobalUnique
	return t
}

// GlobalOption changes what Global means.
type GlobalOption func(*Tenancy)

// Writable lets a tenant's context, and one without a tenant, write the rows
// of a global entity. Without it such rows are read-only outside a
// tenancy.System scope, since what one tenant writes there every tenant sees.
//
// Other read-only rows stay so: an edge between two global entities can be added
// to and cleared where its edge schema is Writable, or without one the entities at
// both ends, and a row is not found to be deleted while read-only rows hang on it
// that the database would delete along.
func Writable() GlobalOption {
	return func(t *Tenancy) { t.Writable = true }
}

// Global marks a schema whose rows belong to no tenant and are seen by all,
// with the reason why.
func Global(reason string, opts ...GlobalOption) Annotation {
	t := Tenancy{Global: true, Reason: reason}
	for _, opt := range opts {
		opt(&t)
	}
	return t
}

// GlobalUnique keeps a unique field, edge or index of a tenant-scoped schema
// unique over all tenants, with the reason why. A tenant can find out whether
// another one uses a value, by trying to take it.
func GlobalUnique(reason string) Annotation {
	return Tenancy{GlobalUnique: true, Reason: reason}
}
