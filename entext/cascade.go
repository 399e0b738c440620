package entext

import (
	"errors"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/entc/gen"
)

// reference is a foreign key that changes the rows of its table when those are
// deleted that it refers to.
type reference struct {
	table string
	key   *schema.ForeignKey
}

func (r reference) cascades() bool { return r.key.OnDelete == schema.Cascade }

func (t tables) hop(r reference) hop {
	return hop{r.table, r.key.Columns[0].Name, r.key.RefColumns[0].Name, t.global(r.table), r.key.Symbol}
}

// references returns those to the rows of a table.
func (t tables) references(table string) []reference {
	var found []reference
	for _, other := range t.all {
		for _, fk := range other.ForeignKeys {
			if fk.RefTable.Name == table && changes(fk) {
				found = append(found, reference{other.Name, fk})
			}
		}
	}
	return found
}

func changes(fk *schema.ForeignKey) bool {
	return fk.OnDelete == schema.Cascade || fk.OnDelete == schema.SetNull || fk.OnDelete == schema.SetDefault
}

// dependents returns what hangs on the rows of a table, at the end of the path to it:
// what changes when they are deleted, and where it is deleted too, what hangs on it in
// turn. Any tenant may have rows on a global one, so each path to one of these counts.
// From there on, and where all is a tenant's own, only older data has another's row
// further down, and each key is looked at over one path: there are as many conditions
// as keys, and not as paths.
func (t tables) dependents(table string) []dependent {
	found := t.nearest(table, nil)
	for _, path := range t.globalPaths(table, nil) {
		found = append(found, t.nearest(path[len(path)-1].Table, path)...)
	}
	return found
}

// nearest returns what hangs on the rows of a table, over tenants' rows only, each key at
// the end of the shortest path to it, behind the path to the table.
func (t tables) nearest(table string, path []hop) []dependent {
	type place struct {
		table string
		path  []hop
	}
	var found []dependent
	met := make(map[*schema.ForeignKey]bool)
	for next := []place{{table, path}}; len(next) > 0; next = next[1:] {
		at := next[0]
		for _, r := range t.references(at.table) {
			if met[r.key] {
				continue
			}
			met[r.key] = true
			longer := append(slices.Clip(at.path), t.hop(r))
			found = append(found, t.dependent(at.table, r, longer)...)
			if r.cascades() && !t.global(r.table) {
				next = append(next, place{r.table, longer})
			}
		}
	}
	return found
}

// globalPaths returns the paths over which global rows are deleted with those of a table.
// Read-only ones are not: they keep all above them from being deleted. No table is passed
// twice, so rows that delete their children are followed to the children and no further.
// What this misses [tables.checkCircles] refuses, apart from links between tenants' own
// rows, which nobody can make.
func (t tables) globalPaths(table string, path []hop) [][]hop {
	var found [][]hop
	for _, r := range t.references(table) {
		again := slices.ContainsFunc(path, func(h hop) bool { return h.Table == r.table })
		if again || !r.cascades() || t.readOnly[r.table] || !t.global(r.table) && !t.sweepsGlobal(r.table) {
			continue
		}
		longer := append(slices.Clip(path), t.hop(r))
		if t.global(r.table) {
			found = append(found, longer)
		}
		found = append(found, t.globalPaths(r.table, longer)...)
	}
	return found
}

// global reports whether the rows of a table are everybody's.
func (t tables) global(table string) bool {
	_, scoped := t.scopes[table]
	return !scoped
}

// sweepsGlobal reports whether global rows are deleted with those of a table.
func (t tables) sweepsGlobal(table string) bool {
	for swept := range t.swept(table) {
		if t.global(swept) {
			return true
		}
	}
	return false
}

// dependent returns what one key makes of the rows that refer to those of a table, if it matters.
func (t tables) dependent(table string, r reference, path []hop) []dependent {
	switch {
	case t.visible(table, r):
		return []dependent{{path, column(t.scopes[r.table])}}
	case t.untouchable(r):
		return []dependent{{Path: path}}
	}
	return nil
}

// visible reports whether a change of the rows that refer to those of a table is one
// that another tenant sees. Join rows that hang on a tenant's own row are seen through
// it only; those of a global row are the tenants' own, whatever took it along.
func (t tables) visible(table string, r reference) bool {
	return !t.global(r.table) && (t.nodes[r.table] != nil || t.global(table))
}

// untouchable reports whether rows are deleted that are everybody's, and not a tenant's to delete.
func (t tables) untouchable(r reference) bool { return t.readOnly[r.table] && r.cascades() }

// anybodys reports whether any tenant may have rows at the end of a path from a row of
// the table: they hang on a global one.
func (t tables) anybodys(table string, d dependent) bool {
	for _, h := range d.Path {
		if t.global(table) {
			return true
		}
		table = h.Table
	}
	return false
}

// maxConditions is how many conditions a DELETE may be made of because of global rows: one
// for each path to them and what hangs there. They are locked by a statement for each path,
// too. With 300 conditions PostgreSQL takes a second, with 600 half a minute and gigabytes.
const maxConditions = 100

// checkCascades refuses what a deletion would take along unasked.
func checkCascades(g *gen.Graph) error {
	t, err := tablesOf(g)
	errs := []error{err}
	for _, n := range g.Nodes {
		table := n.Table()
		if more := len(t.dependents(table)) - len(t.nearest(table, nil)); more > maxConditions {
			errs = append(errs, refuse(n, "deleting one of its rows deletes global ones over %d paths of foreign keys, and needs %d conditions so that nothing of others goes along, of %d at most; "+
				"drop OnDelete(Cascade) from some of the edges between", len(t.globalPaths(table, nil)), more, maxConditions))
		}
		if isScoped(n) {
			errs = append(errs, t.checkReadOnly(n))
		}
	}
	return errors.Join(append(errs, t.checkCircles(g))...)
}

// checkReadOnly refuses global rows that a tenant may not write and would delete with
// its own. A tenant's own database knows nothing of them, where a condition could ask.
func (t tables) checkReadOnly(n *gen.Type) error {
	var errs []error
	for _, d := range t.dependents(n.Table()) {
		if d.Column == "" {
			errs = append(errs, refuse(n, "deleting its rows deletes rows of table %q, which are global and read-only for tenants; "+
				"drop OnDelete(Cascade), or mark their schema with schema.Writable()", d.Path[len(d.Path)-1].Table))
		}
	}
	return errors.Join(errs...)
}

// checkCircles refuses rows that delete others of their table, and these others in turn,
// if it takes global rows along on which something hangs that is not the tenant's. The
// condition of a DELETE names each table on the way, so it has an end, and they have none.
func (t tables) checkCircles(g *gen.Graph) error {
	var errs []error
	told := make(map[string]bool)
	for _, n := range g.Nodes {
		swept := t.swept(n.Table())
		circle, victim := swept[n.Table()], t.victim(swept)
		if circle == nil || victim == "" || t.readOnly[n.Table()] || told[n.Table()] {
			continue
		}
		for _, h := range circle {
			told[h.Table] = true
		}
		remedy := "drop OnDelete(Cascade) from one of these edges and delete from the bottom up"
		if isGlobal(n) {
			remedy += ", or drop schema.Writable(), so that only a tenancy.System scope deletes them"
		}
		errs = append(errs, refuse(n, "deleting one of its rows deletes others of them, to any depth (OnDelete(Cascade) on %s), and with them changes rows of table %q, "+
			"which may be another tenant's or read-only, and are not looked for that deep; %s", strings.Join(edgesOver(g, circle), ", "), victim, remedy))
	}
	return errors.Join(errs...)
}

// swept returns the tables whose rows are deleted with those of a table, over however
// many keys, and the path to each. Read-only rows are not: they keep all from being deleted.
func (t tables) swept(table string) map[string][]hop {
	found := make(map[string][]hop)
	for next := []string{table}; len(next) > 0; next = next[1:] {
		for _, r := range t.references(next[0]) {
			if found[r.table] == nil && r.cascades() && !t.readOnly[r.table] {
				found[r.table] = append(slices.Clip(found[next[0]]), t.hop(r))
				next = append(next, r.table)
			}
		}
	}
	return found
}

// victim returns the first table whose rows hang on global ones of the tables that are
// swept, and are a tenant's or read-only; it is empty if there is none.
func (t tables) victim(swept map[string][]hop) string {
	for _, table := range t.all {
		if !t.global(table.Name) || swept[table.Name] == nil {
			continue
		}
		for _, r := range t.references(table.Name) {
			if t.visible(table.Name, r) || t.untouchable(r) {
				return r.table
			}
		}
	}
	return ""
}

// edgesOver returns the edges whose foreign keys a path goes over.
func edgesOver(g *gen.Graph, path []hop) []string {
	var names []string
	for _, h := range path {
		for _, n := range g.Nodes {
			for _, e := range n.Edges {
				if !e.M2M() && !e.IsInverse() && e.Rel.Table == h.Table && e.Rel.Column() == h.KeyColumn {
					names = append(names, n.Name+"."+e.Name)
				}
			}
		}
	}
	return names
}
