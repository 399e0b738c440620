package entext

import (
	"errors"
	"fmt"
	"slices"
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
		errs = append(errs, checkSchema(n), checkTable(n), checkReasons(n), checkEdges(n))
		if e.Placement {
			errs = append(errs, checkPlace(n))
		}
	}
	return errors.Join(append(errs, checkShared(g))...)
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

// checkTable refuses a table that conditions would take for one of those that they name so.
func checkTable(n *gen.Type) error {
	if strings.HasPrefix(strings.ToLower(n.Table()), privacy.HopPrefix) { // databases may take two spellings for one table
		return refuse(n, "its table %q has a name that statements of this library give to others; give it another, by entsql.Table", n.Table())
	}
	return nil
}

// checkTenantField demands that the tenant column is the field that mixin.Tenant
// makes, and no other field's. One that can be set would move rows to other tenants.
func checkTenantField(n *gen.Type, t schema.Tenancy) error {
	want, ok := fieldTypes()[t.Type]
	if !ok {
		return refuse(n, "mixin.Tenant{Type: %q} is no type of a tenant column; take schema.String, schema.UUID or schema.Int64", t.Type)
	}
	if n.HasOneFieldID() && strings.EqualFold(n.ID.StorageKey(), t.Column) {
		return refuse(n, "its field %q has the tenant column %q; give it another column", n.ID.Name, t.Column)
	}
	var made bool
	for _, f := range n.Fields {
		switch {
		case !strings.EqualFold(f.StorageKey(), t.Column): // databases take two spellings for one column
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
	switch {
	case isScoped(n) && e.Unique && e.StructField() == "Tenant":
		return refuse(n, "its edge %q has the methods of the field %s; give it another name", e.Name, privacy.TenantField)
	case isScoped(n) && isScoped(e.Type) && of(n).Type != of(e.Type).Type:
		if e.IsInverse() {
			return nil // the other side of the edge says it
		}
		return refuse(n, "its edge %q joins rows whose tenant columns differ, %s in %s and %s in %s; give both mixin.Tenant the same Type",
			e.Name, of(n).Type, n.Name, of(e.Type).Type, e.Type.Name)
	case !e.M2M():
		return checkKey(n, e)
	case e.IsInverse():
		return nil // likewise
	case throughOf(e) != nil:
		return checkJoint(n, e, throughOf(e))
	}
	return checkJoin(n, e)
}

// checkJoin refuses a join table in which the key of an end has the name of the
// tenant column.
func checkJoin(n *gen.Type, e *gen.Edge) error {
	scope, _ := joinScope(e)
	isTenant := func(c string) bool { return strings.EqualFold(c, scope.Column) }
	if slices.ContainsFunc(e.Rel.Columns, isTenant) {
		return refuse(n, "the join table of its edge %q has the tenant column %q, and a column of that name for one of its ends; "+
			"name those of the ends, with StorageKey(edge.Columns(%q, %q)) or alike", e.Name, scope.Column, n.Package()+"_ref", e.Type.Package()+"_ref")
	}
	return nil
}

// checkJoint refuses an edge schema whose rows are not those of whom they join.
func checkJoint(n *gen.Type, e *gen.Edge, joint *gen.Type) error {
	switch {
	case !isScoped(joint) && (isScoped(n) || isScoped(e.Type)):
		return refuse(joint, "it joins rows of tenants (%s.%s) and is not tenant-scoped; embed mixin.Tenant{} in it", n.Name, e.Name)
	case isScoped(joint) && isGlobal(n) && isGlobal(e.Type):
		// ent joins the two over all rows, whosever they are, where it walks, loads and clears the edge.
		return refuse(joint, "it is tenant-scoped and joins two global entities (%s.%s), so that every tenant would see what others have joined; "+
			"drop the edge and walk over %s, by an edge from it to each of the two", n.Name, e.Name, joint.Name)
	}
	return nil
}

func globalUnique(annotations map[string]any) bool {
	t, _ := annotation(annotations)
	return t.GlobalUnique
}
