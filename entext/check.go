package entext

import (
	"errors"
	"fmt"
	"strings"

	"entgo.io/ent/entc/gen"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/privacy"
	"github.com/entenancy/tenancy/schema"
)

// check reports everything about the graph that would let tenants meet.
func (e Extension) check(g *gen.Graph) error {
	var errs []error
	for _, n := range g.Nodes {
		errs = append(errs, checkSchema(n), checkReasons(n), checkEdges(n))
		if e.Placement {
			errs = append(errs, checkPlace(n))
		}
	}
	return errors.Join(errs...)
}

func refuse(n *gen.Type, format string, args ...any) error {
	return fmt.Errorf("entext: schema %s: %s", n.Name, fmt.Sprintf(format, args...))
}

// checkSchema demands that a schema is either tenant-scoped or global.
func checkSchema(n *gen.Type) error {
	t := of(n)
	switch {
	case t.Column != "" && t.Global:
		return refuse(n, "it embeds mixin.Tenant and is annotated with schema.Global; keep one of them")
	case t.Global:
		return nil
	case t.Column == "":
		return refuse(n, "it is neither tenant-scoped nor global; embed mixin.Tenant{} in Mixin(), or annotate it with schema.Global(\"why\")")
	}
	return checkTenantField(n, t)
}

// checkTenantField demands that the tenant column is the field that mixin.Tenant
// makes, and no other field's. One that can be set would move rows to other tenants.
func checkTenantField(n *gen.Type, t schema.Tenancy) error {
	want, ok := fieldTypes()[t.Type]
	if !ok {
		return refuse(n, "mixin.Tenant{Type: %q} is no type of a tenant column; take schema.String, schema.UUID or schema.Int64", t.Type)
	}
	var made bool
	for _, f := range n.Fields {
		switch {
		case f.StorageKey() != t.Column:
		case made || f.Name != privacy.TenantField || f.Position == nil || !f.Position.MixedIn:
			return refuse(n, "its tenant column %q is not only the field of mixin.Tenant; remove field %q, or give it another column", t.Column, f.Name)
		case f.Type.Type != want || !f.Immutable || f.Optional || f.Nillable || f.Default || f.UpdateDefault:
			return refuse(n, "its field %q is not as mixin.Tenant makes it, which is immutable, required and without a default; let the mixin have Fields of mixin.Tenant", f.Name)
		default:
			made = true
		}
	}
	if !made {
		return refuse(n, "its tenant column %q is not the field of mixin.Tenant; let the mixin have Fields of mixin.Tenant", t.Column)
	}
	return nil
}

// fieldTypes returns the type of the field that mixin.Tenant makes for each type of column.
func fieldTypes() map[schema.ColumnType]field.Type {
	return map[schema.ColumnType]field.Type{schema.String: field.TypeString, schema.UUID: field.TypeUUID, schema.Int64: field.TypeInt64}
}

// checkPlace refuses a place for all tenants where each may have its own.
func checkPlace(n *gen.Type) error {
	if a := n.EntSQL(); a != nil && a.Schema != "" && isScoped(n) {
		return refuse(n, "it is tenant-scoped and annotated with entsql.Schema(%q), where the rows of every tenant would be; "+
			"drop the annotation: the tenant's record says where its tables are", a.Schema)
	}
	return nil
}

// checkReasons demands that whoever leaves a tenant's bounds says why.
func checkReasons(n *gen.Type) error {
	var errs []error
	need := func(what string, annotations map[string]any) {
		t, ok := annotation(annotations)
		if ok && (t.Global || t.GlobalUnique) && strings.TrimSpace(t.Reason) == "" {
			errs = append(errs, refuse(n, "%s needs a reason", what))
		}
	}
	need("schema.Global", n.Annotations)
	for _, f := range n.Fields {
		need("schema.GlobalUnique on field "+f.Name, f.Annotations)
	}
	for _, e := range n.Edges {
		need("schema.GlobalUnique on edge "+e.Name, e.Annotations)
	}
	for _, ix := range n.Indexes {
		need("schema.GlobalUnique on index "+ix.Name, ix.Annotations)
	}
	return errors.Join(errs...)
}

// checkEdges refuses edges that cannot be kept inside a tenant.
func checkEdges(n *gen.Type) error {
	var errs []error
	for _, e := range n.Edges {
		errs = append(errs, checkEdge(n, e))
	}
	return errors.Join(errs...)
}

func checkEdge(n *gen.Type, e *gen.Edge) error {
	var joint *gen.Type // the edge schema, on one side of the edge
	if e.M2M() && !e.IsInverse() {
		joint = throughOf(e)
	}
	owner, key := unchecked(n, e)
	switch f := e.Field(); {
	case key != nil:
		return refuse(n, "its edge %q has the column of field %s.%s, by which rows would be linked that nobody has checked; "+
			"declare the edge in %s too, with Field(%q), or give it another column", e.Name, owner.Name, key.Name, owner.Name, key.Name)
	case f != nil && isScoped(n) && f.StorageKey() == of(n).Column:
		return refuse(n, "its edge %q is over the tenant column, which the context sets; give the edge a field of its own", e.Name)
	case isScoped(n) && e.Unique && e.StructField() == "Tenant":
		return refuse(n, "its edge %q has the methods of the field %s; give it another name", e.Name, privacy.TenantField)
	case isScoped(n) && isScoped(e.Type) && of(n).Type != of(e.Type).Type:
		if e.IsInverse() {
			return nil // the other side of the edge says it
		}
		return refuse(n, "its edge %q joins rows whose tenant columns differ, %s in %s and %s in %s; give both mixin.Tenant the same Type",
			e.Name, of(n).Type, n.Name, of(e.Type).Type, e.Type.Name)
	case joint != nil && !isScoped(joint) && (isScoped(n) || isScoped(e.Type)):
		return refuse(joint, "it joins rows of tenants (%s.%s) and is not tenant-scoped; embed mixin.Tenant{} in it", n.Name, e.Name)
	case joint != nil && isScoped(joint) && isGlobal(n) && isGlobal(e.Type):
		// ent joins the two over all rows, whosever they are, where it walks, loads and clears the edge.
		return refuse(joint, "it is tenant-scoped and joins two global entities (%s.%s), so that every tenant would see what others have joined; "+
			"drop the edge and walk over %s, by an edge from it to each of the two", n.Name, e.Name, joint.Name)
	case isGlobal(n) && isScoped(e.Type) && e.OwnFK() && !e.Optional:
		return refuse(n, "it is global and its required edge %q refers to a row of one tenant; make the edge optional, or %s tenant-scoped", e.Name, n.Name)
	case isScoped(n) && isGlobal(e.Type) && e.O2O() && e.OwnFK() && !globalUnique(e.Annotations):
		return refuse(n, "its one-to-one edge %q lets only one tenant refer to a row of global %s; drop Unique() on one side, or annotate the edge with schema.GlobalUnique(\"why\")", e.Name, e.Type.Name)
	}
	return nil
}

// unchecked returns the field that is the foreign key of an edge to rows of tenants, if
// it is not known as that where it is, and the type that has it.
func unchecked(n *gen.Type, e *gen.Edge) (owner *gen.Type, f *gen.Field) {
	owner, target := e.Type, n
	if e.OwnFK() {
		owner, target = n, e.Type
	}
	if e.M2M() || !isScoped(target) {
		return owner, nil
	}
	for _, f := range owner.Fields {
		if f.StorageKey() == e.Rel.Column() && !f.IsEdgeField() {
			return owner, f
		}
	}
	return owner, nil
}

func globalUnique(annotations map[string]any) bool {
	t, _ := annotation(annotations)
	return t.GlobalUnique
}
