package privacy

import (
	"fmt"
	"strconv"

	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// TenantField is the name of the ent field that mixin.Tenant adds.
const TenantField = "tenant_id"

// Kind is how a tenant column stores a tenant's id.
type Kind uint8

// The kinds of tenant columns.
const (
	// KindString stores the id as it is.
	KindString Kind = iota
	// KindUUID stores ids that are UUIDs in canonical text form.
	KindUUID
	// KindInt64 stores ids that are decimal integers.
	KindInt64
)

// Column is the tenant column of a table. The zero Column says that the
// table's rows belong to no tenant.
type Column struct {
	Name string
	Kind Kind
}

// StringColumn returns a tenant column of KindString.
func StringColumn(name string) Column { return Column{name, KindString} }

// UUIDColumn returns a tenant column of KindUUID.
func UUIDColumn(name string) Column { return Column{name, KindUUID} }

// Int64Column returns a tenant column of KindInt64.
func Int64Column(name string) Column { return Column{name, KindInt64} }

// Entity describes one ent type to the functions of this package. entext
// generates it; it is read-only and safe for concurrent use.
type Entity struct {
	// Protocol is the Protocol that it was generated for.
	Protocol int
	// Name is the ent type, Table its table, ID the column of its id (empty
	// for an edge schema with a composite one).
	Name, Table, ID string
	// Tenant is the tenant column, the zero Column for a global entity.
	Tenant Column
	// Writable says that tenants may write the rows of this global entity.
	Writable bool
	// Keys holds the columns of the table that refer to rows of tenants, at
	// whichever end their edges are declared.
	Keys []string
	// Edges holds the edges through which a mutation reaches other tables.
	Edges []Edge
	// Dependents holds the tables whose rows the database changes or deletes
	// together with a row of this one.
	Dependents []Dependent
}

// global reports whether the entity's rows belong to no tenant.
func (e *Entity) global() bool { return e.Tenant.Name == "" }

// Edge describes an edge of an entity: Rel, Inverse, Table and Column
// identify it in sqlgraph's specifications, the rest is what they do not say.
type Edge struct {
	Name    string
	Rel     sqlgraph.Rel
	Inverse bool
	Table   string
	Column  string
	// Target is the table at the other end.
	Target Target
	// Join is the tenant column of an M2M edge's join table.
	Join Column
	// Writable says that tenants may write the rows of an M2M edge's join table that
	// belong to no tenant.
	Writable bool
	// Dependents holds the tables whose rows the database changes or deletes together
	// with a row of an M2M edge's edge schema, as those of an entity.
	Dependents []Dependent
	// Sweeps is the entity of such rows, where some of these tables hang on global rows,
	// so that others' rows may be in them. The Dependents are left out then.
	Sweeps string
}

// ownsKey reports whether the foreign key is a column of the entity's own table.
func (e *Edge) ownsKey() bool {
	return e.Rel == sqlgraph.M2O || e.Rel == sqlgraph.O2O && e.Inverse
}

// targetOwnsKey reports whether the foreign key is a column of the target's table.
func (e *Edge) targetOwnsKey() bool { return e.Rel != sqlgraph.M2M && !e.ownsKey() }

// Target is the entity at the other end of an edge.
type Target struct {
	Table, ID string
	// Tenant is the zero Column for a global entity.
	Tenant Column
	// Writable says that tenants may write the rows of a global target.
	Writable bool
}

// Dependent is a table whose rows the database deletes, or clears a column of,
// when it deletes a row of the entity that they hang on over foreign keys.
type Dependent struct {
	// Path leads from the entity to the table.
	Path []Hop
	// Tenant is the tenant column of the table, the zero Column for one of global
	// rows that are read-only for tenants.
	Tenant Column
}

// Hop is a foreign key: Column of Table refers to Ref of the table before.
type Hop struct {
	Table, Column, Ref string
	// Global says that the rows of Table belong to no tenant.
	Global bool
}

// edge returns the description of the edge that spec is about. Every edge has
// one; not finding it means that the generated code is not what was checked.
func (e *Entity) edge(spec *sqlgraph.EdgeSpec) (*Edge, error) {
	for i := range e.Edges {
		d := &e.Edges[i]
		if d.Rel == spec.Rel && d.Table == spec.Table && d.Column == spec.Columns[0] && (d.Inverse == spec.Inverse || spec.Bidi) {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: %s has an edge over table %q that was not generated; run go generate",
		tenancy.ErrNotInstalled, e.Name, spec.Table)
}

// Value returns the id as the column stores it, or tenancy.ErrInvalidID for an id
// that it cannot store: each value stands for one id only, so 007 is no number here,
// and a UUID in upper case no UUID, though the database would take them.
func (c Column) Value(id tenancy.ID) (any, error) {
	switch c.Kind {
	case KindUUID:
		if !canonicalUUID(string(id)) {
			return nil, fmt.Errorf("%w: column %q needs a UUID in lower-case canonical form", tenancy.ErrInvalidID, c.Name)
		}
		return string(id), nil
	case KindInt64:
		n, err := strconv.ParseInt(string(id), 10, 64)
		if err != nil || strconv.FormatInt(n, 10) != string(id) {
			return nil, fmt.Errorf("%w: column %q needs a decimal integer", tenancy.ErrInvalidID, c.Name)
		}
		return n, nil
	default:
		return string(id), nil
	}
}

// arg is Value for the scope's tenant, without an allocation for strings and UUIDs.
func (c Column) arg(s *tenancy.Scope) (any, error) {
	if c.Kind == KindString || c.Kind == KindUUID && canonicalUUID(string(s.TenantID())) {
		return s.Arg(), nil
	}
	return c.Value(s.TenantID())
}

// canonicalUUID reports whether s has the form of RFC 9562 §4 in lower case,
// the one text that each UUID has in the database.
func canonicalUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 8, 13, 18, 23:
			if c != '-' {
				return false
			}
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
				return false
			}
		}
	}
	return true
}
