package catalog

import (
	"slices"

	atlas "ariga.io/atlas/sql/schema"

	"github.com/entenancy/tenancy/schema"
)

// globalPaths returns the paths over tables without a tenant column by which rows of
// tenants hang on each other, as schema.Metadata has them.
func globalPaths(found *atlas.Schema, columns []string) []schema.Path {
	var paths []schema.Path
	for _, t := range found.Tables {
		if tenantColumn(t, columns) != nil {
			paths = append(paths, longer(found, columns, t, schema.Path{Table: t.Name})...)
		}
	}
	return paths
}

// longer returns the paths that begin with one, which leads to a table. None passes a
// table twice.
func longer(found *atlas.Schema, columns []string, at *atlas.Table, path schema.Path) []schema.Path {
	var paths []schema.Path
	for _, t := range found.Tables {
		for _, fk := range t.ForeignKeys {
			if fk.RefTable != at || len(fk.Columns) == 0 || len(fk.RefColumns) == 0 {
				continue
			}
			hop := schema.Hop{Symbol: fk.Symbol, Table: t.Name, Column: fk.Columns[0].Name, RefColumn: fk.RefColumns[0].Name}
			next := schema.Path{Table: path.Table, Hops: append(slices.Clip(path.Hops), hop)}
			switch tenants := tenantColumn(t, columns) != nil; {
			case tenants && len(path.Hops) > 0 && (fk.OnDelete == atlas.Cascade || fk.OnDelete == atlas.SetNull || fk.OnDelete == atlas.SetDefault):
				paths = append(paths, next)
			case !tenants && fk.OnDelete == atlas.Cascade && !slices.ContainsFunc(path.Hops, func(h schema.Hop) bool { return h.Table == t.Name }):
				paths = append(paths, longer(found, columns, t, next)...)
			}
		}
	}
	return paths
}
