package entext

import (
	"slices"
	"strings"

	"entgo.io/ent/entc/gen"
	"entgo.io/ent/entc/load"

	"github.com/entenancy/tenancy/privacy"
)

// scopeUniques makes the unique fields and indexes of a tenant-scoped entity
// unique for each tenant. Otherwise a tenant could find out what values others
// use, and keep them from using one.
func scopeUniques(n *gen.Type) error {
	if n.IsView() {
		n.Indexes = nil // a view has none; ent fails on the one of mixin.Tenant
	}
	if isGlobal(n) {
		return nil
	}
	for _, ix := range n.Indexes {
		if ix.Unique && !globalUnique(ix.Annotations) {
			scopeIndex(n, ix)
		}
	}
	for _, f := range n.Fields {
		if !f.Unique || f.IsEdgeField() || globalUnique(f.Annotations) {
			continue
		}
		f.Unique = false
		err := n.AddIndex(&load.Index{Unique: true, Fields: []string{privacy.TenantField, f.Name}})
		if err != nil {
			return refuse(n, "unique field %q: %v", f.Name, err)
		}
	}
	return nil
}

// scopeIndex puts the tenant column first, in the name too if ent made it.
func scopeIndex(n *gen.Type, ix *gen.Index) {
	column := of(n).Column
	if slices.Contains(ix.Columns, column) {
		return
	}
	generated := ix.Name == indexName(n, ix.Columns)
	ix.Columns = append([]string{column}, ix.Columns...)
	if generated {
		ix.Name = indexName(n, ix.Columns)
	}
}

func indexName(n *gen.Type, columns []string) string {
	return strings.Join(append([]string{strings.ToLower(n.Name)}, columns...), "_")
}
