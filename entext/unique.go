package entext

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/entc/gen"
	"entgo.io/ent/entc/load"

	"github.com/entenancy/tenancy/privacy"
)

// scopeUniques makes the unique fields and indexes of a tenant-scoped entity
// unique for each tenant. Otherwise a tenant could find out what values others
// use, and keep them from using one.
func scopeUniques(n *gen.Type) error {
	if n.IsView() || isSkipped(n) {
		n.Indexes = nil // ent makes none, and fails on the one of mixin.Tenant
		return nil
	}
	if isGlobal(n) {
		return nil
	}
	for _, ix := range n.Indexes {
		if ix.Unique && !globalUnique(ix.Annotations) {
			if err := scopeIndex(n, ix); err != nil {
				return err
			}
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
	return dropRepeated(n)
}

// isSkipped reports whether somebody else makes the entity's table.
func isSkipped(n *gen.Type) bool {
	a := n.EntSQL()
	return a != nil && a.Skip
}

// scopeIndex puts the tenant column first, in the name too if ent made it.
func scopeIndex(n *gen.Type, ix *gen.Index) error {
	column := of(n).Column
	if slices.Contains(ix.Columns, column) {
		return nil
	}
	if len(ix.Columns) == 1 {
		if err := nameColumn(n, ix); err != nil {
			return err
		}
	}
	generated := ix.Name == indexName(n, ix.Columns)
	ix.Columns = append([]string{column}, ix.Columns...)
	if generated {
		ix.Name = indexName(n, ix.Columns)
	}
	return nil
}

// nameColumn says of which column the annotations of an index of one are. Without
// that, ent would leave them out of an index of two.
func nameColumn(n *gen.Type, ix *gen.Index) error {
	var a entsql.IndexAnnotation
	raw, ok := ix.Annotations[a.Name()]
	if !ok {
		return nil
	}
	text, err := json.Marshal(raw)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	if err != nil {
		return refuse(n, "annotation of index %q: %v", ix.Name, err)
	}
	column := ix.Columns[0]
	if a.Prefix > 0 {
		a.Prefix, a.PrefixColumns = 0, map[string]uint{column: a.Prefix}
	}
	if a.Desc {
		a.Desc, a.DescColumns = false, map[string]bool{column: true}
	}
	if a.OpClass != "" {
		a.OpClass, a.OpClassColumns = "", map[string]string{column: a.OpClass}
	}
	ix.Annotations = maps.Clone(ix.Annotations)
	ix.Annotations[a.Name()] = a
	return nil
}

// dropRepeated leaves out what has become an index that is there already, as a
// unique field does of which the schema has an index with the tenant, and refuses two
// that are not the same and have one name.
func dropRepeated(n *gen.Type) error {
	var kept []*gen.Index
	for _, ix := range n.Indexes {
		i := slices.IndexFunc(kept, func(other *gen.Index) bool { return other.Name == ix.Name })
		switch {
		case i < 0:
			kept = append(kept, ix)
		case !sameIndex(kept[i], ix):
			return refuse(n, "two of its indexes are called %q, now that what is unique is so for each tenant; remove one, or name it with StorageKey", ix.Name)
		}
	}
	n.Indexes = kept
	return nil
}

func sameIndex(a, b *gen.Index) bool {
	return a.Unique == b.Unique && slices.Equal(a.Columns, b.Columns) && fmt.Sprint(a.Annotations) == fmt.Sprint(b.Annotations)
}

func indexName(n *gen.Type, columns []string) string {
	return strings.Join(append([]string{strings.ToLower(n.Name)}, columns...), "_")
}
