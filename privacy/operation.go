package privacy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// Schemas returns the database schema of a table, empty for the default one.
// It is nil unless the client was generated with ent's sql/schemaconfig.
type Schemas func(table string) string

func (f Schemas) of(table string) string {
	if f == nil {
		return ""
	}
	return f(table)
}

// operation is one mutation of rows of an entity, and for whom it is done.
type operation struct {
	entity  *Entity
	schemas Schemas
	scope   *tenancy.Scope // nil where tenants' rows are out of reach
}

// begin decides whether the context may write rows of e at all.
func begin(ctx context.Context, e *Entity, schemas Schemas) (operation, error) {
	if err := e.check(); err != nil {
		return operation{}, err
	}
	scope, err := tenancy.ScopeFromContext(ctx)
	o := operation{entity: e, schemas: schemas, scope: scope}
	switch {
	case err == nil && (!e.global() || e.Writable || scope.System()):
		return o, nil
	case !e.global():
		return o, denied(err)
	case e.Writable && err == tenancy.ErrNoTenant: //nolint:errorlint // no scope at all, and not one that may not be used
		return o, nil
	case e.Writable:
		return o, denied(err)
	default:
		return o, globalWrite(e.Name)
	}
}

func globalWrite(name string) error {
	return denied(fmt.Errorf("%w: write %s in a tenancy.System scope, or mark its schema with schema.Writable()", tenancy.ErrGlobalWrite, name))
}

// value returns the tenant's id as the column stores it.
func (o operation) value(c Column, tenant tenancy.ID) (any, error) {
	if o.system() {
		return c.Value(tenant)
	}
	return c.arg(o.scope)
}

func (o operation) system() bool { return o.scope != nil && o.scope.System() }

// requireScope refuses an operation on tenants' rows without tenant.
func (o operation) requireScope() error {
	if o.scope == nil {
		return denied(tenancy.ErrNoTenant)
	}
	return nil
}

// links is what a mutation's edges reach.
type links struct {
	// refs are rows of tenants that have to be the operation's tenant's own.
	refs []ref
	// joins are rows that go into join tables.
	joins []join
	// cleared are tables whose foreign keys to the entity are set to NULL.
	cleared []Dependent
}

// ref is the id of rows at the other end of an edge.
type ref struct {
	target Target
	ids    []any
}

// join is an M2M edge whose rows carry the tenant.
type join struct {
	edge *Edge
	spec *sqlgraph.EdgeSpec
	// plain says that the rows have no other columns than their two ends, so
	// that ent takes adding one twice for adding it once.
	plain bool
}

// links sorts out what the edges of a mutation reach, and refuses those that
// nobody but the system may follow.
func (o operation) links(add, remove []*sqlgraph.EdgeSpec) (links, error) {
	var l links
	for _, spec := range add {
		edge, err := o.edge(spec)
		if err == nil {
			err = o.added(&l, edge, spec)
		}
		if err != nil {
			return links{}, err
		}
	}
	for _, spec := range remove {
		edge, err := o.edge(spec)
		if err == nil {
			err = o.removed(&l, edge, spec)
		}
		if err != nil {
			return links{}, err
		}
	}
	return l, nil
}

// edge returns the description of the edge that spec is about, and refuses one whose
// key would set what was not checked. entext generates none.
func (o operation) edge(spec *sqlgraph.EdgeSpec) (*Edge, error) {
	edge, err := o.entity.edge(spec)
	switch {
	case err != nil || edge.Rel == sqlgraph.M2M:
		return edge, err
	case edge.movesRows(o.entity):
		return nil, denied(fmt.Errorf("%w: edge %q of %s is over the tenant column; give it a column of its own", tenancy.ErrCrossTenant, edge.Name, o.entity.Name))
	case o.entity.shares(edge):
		return nil, denied(fmt.Errorf("%w: edge %q of %s is over the column of another edge; give it a column of its own", tenancy.ErrCrossTenant, edge.Name, o.entity.Name))
	}
	return edge, nil
}

// movesRows reports whether the edge's key, at whichever end, is the tenant column.
func (e *Edge) movesRows(of *Entity) bool {
	owner := of.Tenant
	if e.targetOwnsKey() {
		owner = e.Target.Tenant
	}
	return strings.EqualFold(e.Column, owner.Name) // which databases take for the same
}

// shares reports whether another edge of the entity has the edge's column for a key to
// another table, one of them with rows of tenants.
func (e *Entity) shares(edge *Edge) bool {
	return slices.ContainsFunc(e.Edges, func(other Edge) bool {
		return other.Rel != sqlgraph.M2M && other.Table == edge.Table && strings.EqualFold(other.Column, edge.Column) &&
			other.Target != edge.Target && (!other.Target.global() || !edge.Target.global())
	})
}

func (o operation) added(l *links, edge *Edge, spec *sqlgraph.EdgeSpec) error {
	if edge.Target.global() {
		if err := o.mayWriteTarget(edge); err != nil {
			return err
		}
	} else {
		if err := o.requireScope(); err != nil {
			return err
		}
		// Rows of several tenants may be linked to a global row, which links none of them
		// to another; but the rows that an operation adds to join tables are one tenant's.
		if !o.system() || !o.entity.global() || edge.Join.Name != "" {
			l.refs = append(l.refs, refTo(edge, spec))
		}
	}
	if edge.Join.Name != "" {
		l.joins = append(l.joins, join{edge, spec, len(spec.Target.Fields) == 0})
	}
	return nil
}

func (o operation) removed(l *links, edge *Edge, spec *sqlgraph.EdgeSpec) error {
	if o.system() || edge.ownsKey() {
		return nil
	}
	if err := o.mayWriteTarget(edge); err != nil {
		return err
	}
	switch {
	case edge.Sweeps != "":
		return denied(fmt.Errorf("%w: removing links of edge %q of %s could take rows of other tenants along with those of %s; delete these, or use a tenancy.System scope",
			tenancy.ErrCrossTenant, edge.Name, o.entity.Name, edge.Sweeps))
	case !o.entity.global():
		l.cleared = append(l.cleared, o.hanging(edge, spec)...)
		return nil
	case edge.Target.global():
		return nil
	case o.scope == nil:
		return o.requireScope()
	case len(spec.Target.Nodes) == 0:
		return denied(fmt.Errorf("%w: clearing edge %q of global %s would reach the rows of every tenant; remove them by id, or use a tenancy.System scope",
			tenancy.ErrCrossTenant, edge.Name, o.entity.Name))
	default:
		l.refs = append(l.refs, refTo(edge, spec))
		return nil
	}
}

// hanging returns the rows of other tables that clearing an edge changes: the
// targets that refer to the entity's row, or the rows that join the two and what hangs
// on those.
func (o operation) hanging(edge *Edge, spec *sqlgraph.EdgeSpec) []Dependent {
	switch {
	case edge.targetOwnsKey() && !edge.Target.global():
		return []Dependent{{[]Hop{{Table: edge.Table, Column: edge.Column, Ref: o.entity.ID}}, edge.Target.Tenant}}
	case edge.Join.Name == "":
		return nil
	}
	own := spec.Columns[:1]
	switch {
	case spec.Bidi:
		own = spec.Columns
	case spec.Inverse:
		own = spec.Columns[1:]
	}
	var all []Dependent
	for _, column := range own {
		join := Hop{Table: edge.Table, Column: column, Ref: o.entity.ID}
		all = append(all, Dependent{[]Hop{join}, edge.Join})
		for _, d := range edge.Dependents {
			all = append(all, Dependent{append([]Hop{join}, d.Path...), d.Tenant})
		}
	}
	return all
}

// mayWriteTarget refuses an edge that changes rows of a read-only global entity, be
// it the one that it leads to or its edge schema.
func (o operation) mayWriteTarget(edge *Edge) error {
	if edge.Target.global() && edge.targetOwnsKey() && !edge.Target.Writable && !o.system() {
		return globalWrite(edge.Target.Table)
	}
	if edge.Rel == sqlgraph.M2M && edge.Join.Name == "" && !edge.Writable && !o.system() {
		return denied(fmt.Errorf("%w: edge %q of %s writes %s; do it in a tenancy.System scope, or mark its edge schema with schema.Writable(), or the entities at both ends if it has none",
			tenancy.ErrGlobalWrite, edge.Name, o.entity.Name, edge.Table))
	}
	return nil
}

func (t Target) global() bool { return t.Tenant.Name == "" }

func refTo(edge *Edge, spec *sqlgraph.EdgeSpec) ref {
	ids := make([]any, len(spec.Target.Nodes))
	for i, id := range spec.Target.Nodes {
		ids[i] = id
	}
	return ref{edge.Target, ids}
}

// carry writes the tenant into the rows that go into join tables.
func (l links) carry(id tenancy.ID) error {
	for _, j := range l.joins {
		v, err := j.edge.Join.Value(id)
		if err != nil {
			return err
		}
		j.spec.Target.Fields = withField(j.spec.Target.Fields, j.edge.Join.Name, v)
	}
	return nil
}

func withField(fields []*sqlgraph.FieldSpec, column string, v any) []*sqlgraph.FieldSpec {
	for _, f := range fields {
		if f.Column == column {
			f.Value = v
			return fields
		}
	}
	return append(fields, &sqlgraph.FieldSpec{Column: column, Value: v})
}
