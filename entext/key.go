package entext

import (
	"errors"
	"strings"

	"entgo.io/ent/entc/gen"
)

// key is the foreign key of an edge: a column of the owner's table that refers
// to rows of the target.
type key struct {
	owner, target *gen.Type
	column        string
}

// keyOf returns the foreign key of an edge of n, at whichever end it is declared.
// A many-to-many edge has none, but two in a table of its own.
func keyOf(n *gen.Type, e *gen.Edge) key {
	if e.OwnFK() {
		return key{n, e.Type, e.Rel.Column()}
	}
	return key{e.Type, n, e.Rel.Column()}
}

// isTenantColumn reports whether the key is the owner's tenant column. ent writes an
// edge's key over what the field of mixin.Tenant has, and databases ignore its case.
func (k key) isTenantColumn() bool { return strings.EqualFold(k.column, of(k.owner).Column) }

// unchecked returns the field that is the key, if it refers to rows of tenants and is
// not known as a key where it is.
func (k key) unchecked() *gen.Field {
	for _, f := range k.owner.Fields {
		if isScoped(k.target) && f.StorageKey() == k.column && !f.IsEdgeField() {
			return f
		}
	}
	return nil
}

// checkKey refuses an edge whose foreign key would lead out of a tenant.
func checkKey(n *gen.Type, e *gen.Edge) error {
	k := keyOf(n, e)
	switch f := k.unchecked(); {
	case k.isTenantColumn():
		return refuse(n, "its edge %q is over the tenant column of %s, which the context sets; give the edge a column of its own", e.Name, k.owner.Name)
	case f != nil:
		return refuse(n, "its edge %q has the column of field %s.%s, by which rows would be linked that nobody has checked; "+
			"declare the edge in %s too, with Field(%q), or give it another column", e.Name, k.owner.Name, f.Name, k.owner.Name, f.Name)
	case isGlobal(n) && isScoped(e.Type) && e.OwnFK() && !e.Optional:
		return refuse(n, "it is global and its required edge %q refers to a row of one tenant; make the edge optional, or %s tenant-scoped", e.Name, n.Name)
	case isScoped(n) && isGlobal(e.Type) && e.O2O() && e.OwnFK() && !globalUnique(e.Annotations):
		return refuse(n, "its one-to-one edge %q lets only one tenant refer to a row of global %s; drop Unique() on one side, or annotate the edge with schema.GlobalUnique(\"why\")", e.Name, e.Type.Name)
	}
	return nil
}

// checkShared refuses a column that is the key of two edges to rows of different
// types, one of them tenants': who sets the one would link to rows of the other that
// nobody has checked.
func checkShared(g *gen.Graph) error {
	type column struct {
		owner *gen.Type
		name  string
	}
	type named struct {
		key
		edge string
	}
	var errs []error
	first := make(map[column]named)
	for _, n := range g.Nodes {
		for _, e := range n.Edges {
			if e.M2M() || e.IsInverse() { // the other side of the edge is there, too
				continue
			}
			k := named{keyOf(n, e), n.Name + "." + e.Name}
			c := column{k.owner, strings.ToLower(k.column)}
			other, ok := first[c]
			switch {
			case !ok:
				first[c] = k
			case k.target != other.target && (isScoped(k.target) || isScoped(other.target)):
				errs = append(errs, refuse(k.owner, "its column %q is the key of two edges, %s to %s and %s to %s, of which only one would be checked; give each edge a column of its own",
					k.column, other.edge, other.target.Name, k.edge, k.target.Name))
			}
		}
	}
	return errors.Join(errs...)
}
