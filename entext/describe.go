package entext

import (
	"slices"

	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/entc/gen"

	tenancyschema "github.com/entenancy/tenancy/schema"
)

// entity is what tenancy.go says of one ent type.
type entity struct {
	*gen.Type
	// Column is the Go expression of the tenant column, empty for global entities.
	Column     string
	Writable   bool
	IDColumn   string
	Keys       []string
	EdgeList   []edge
	Dependents []dependent
}

// edge is an edge through which a mutation reaches another table.
type edge struct {
	*gen.Edge
	// KeyColumn identifies the edge in its table.
	KeyColumn string
	// TargetColumn and JoinColumn are Go expressions of tenant columns.
	TargetColumn, JoinColumn string
	TargetWritable           bool
	// Writable says that tenants may write the rows that join global entities.
	Writable bool
	// Dependents hang on the rows of an edge schema, Sweeps is its entity where they
	// are left out: see package privacy.
	Dependents []dependent
	Sweeps     string
}

// dependent is a table that changes along with an entity's row, at the end of
// a path of foreign keys.
type dependent struct {
	Path []hop
	// Column is the Go expression of the tenant column, empty where the rows are
	// everybody's and not a tenant's to delete.
	Column string
}

type hop struct {
	Table, KeyColumn, Ref string
	Global                bool   // the rows of Table are everybody's
	Symbol                string // of the constraint
}

// entities describes the graph's types for the template of tenancy.go.
func entities(g *gen.Graph) ([]entity, error) {
	t, err := tablesOf(g)
	if err != nil {
		return nil, err
	}
	all := make([]entity, 0, len(g.Nodes))
	for _, n := range g.Nodes {
		table := n.Table()
		e := entity{Type: n, Writable: of(n).Writable, Keys: t.keys(table), Dependents: t.dependents(table)}
		if isScoped(n) {
			e.Column = columnExpr(n)
		}
		if n.HasOneFieldID() {
			e.IDColumn = n.ID.StorageKey()
		}
		for _, ge := range n.EdgesWithID() {
			e.EdgeList = append(e.EdgeList, t.describeEdge(n, ge))
		}
		all = append(all, e)
	}
	return all, nil
}

func (t tables) describeEdge(n *gen.Type, ge *gen.Edge) edge {
	e := edge{Edge: ge, KeyColumn: ge.Rel.Columns[0], TargetWritable: of(ge.Type).Writable}
	if isScoped(ge.Type) {
		e.TargetColumn = columnExpr(ge.Type)
	}
	if scope, ok := joinScope(ge); ok {
		e.JoinColumn = column(scope)
	} else {
		e.Writable = joinWritable(ge)
	}
	if through := throughOf(ge); through != nil {
		e.Dependents = t.dependents(through.Table())
		anybodys := func(d dependent) bool { return isGlobal(n) || t.anybodys(through.Table(), d) }
		if slices.ContainsFunc(e.Dependents, anybodys) {
			e.Dependents, e.Sweeps = nil, through.Name
		}
	}
	return e
}

// joinTable is a join table whose rows carry the tenant.
type joinTable struct {
	*schema.Table
	Scope tenancyschema.Tenancy
}

// SchemaType is the ent column type of its tenant column.
func (t joinTable) SchemaType() string {
	switch t.Scope.Type {
	case tenancyschema.UUID:
		return "TypeUUID"
	case tenancyschema.Int64:
		return "TypeInt64"
	default:
		return "TypeString"
	}
}

// tables is the tables of a graph, and what they have to do with tenants.
type tables struct {
	all []*schema.Table
	// scopes holds the tenant column of each table that has one.
	scopes map[string]tenancyschema.Tenancy
	// nodes holds the type whose table it is; a join table has none.
	nodes map[string]*gen.Type
	// readOnly holds the tables of global rows that tenants may not write.
	readOnly map[string]bool
}

func tablesOf(g *gen.Graph) (tables, error) {
	all, err := g.Tables()
	t := tables{all, make(map[string]tenancyschema.Tenancy), make(map[string]*gen.Type), make(map[string]bool)}
	for _, n := range g.Nodes {
		t.nodes[n.Table()] = n
		t.readOnly[n.Table()] = isGlobal(n) && !of(n).Writable
		if isScoped(n) {
			t.scopes[n.Table()] = of(n)
		}
		for _, e := range n.Edges {
			if !e.M2M() || throughOf(e) != nil {
				continue
			}
			if scope, ok := joinScope(e); ok {
				t.scopes[e.Rel.Table] = scope
			} else {
				t.readOnly[e.Rel.Table] = !joinWritable(e)
			}
		}
	}
	return t, err
}

// joinTables returns the join tables that are no edge schema's.
func joinTables(g *gen.Graph) ([]joinTable, error) {
	t, err := tablesOf(g)
	var joins []joinTable
	for _, table := range t.all {
		if scope, ok := t.scopes[table.Name]; ok && t.nodes[table.Name] == nil {
			joins = append(joins, joinTable{table, scope})
		}
	}
	return joins, err
}

// keys returns the columns of a table that refer to rows of tenants. The type
// whose table it is need not know: an edge can be declared at the other end only.
func (t tables) keys(name string) []string {
	var columns []string
	for _, table := range t.all {
		for _, fk := range table.ForeignKeys {
			if _, scoped := t.scopes[fk.RefTable.Name]; scoped && table.Name == name {
				columns = append(columns, fk.Columns[0].Name)
			}
		}
	}
	return columns
}

// metadata describes the tables with rows of tenants, for migrate/tenancy.go.
func metadata(g *gen.Graph) (tenancyschema.Metadata, error) {
	t, err := tablesOf(g)
	var m tenancyschema.Metadata
	for _, table := range t.all {
		if _, ok := t.scopes[table.Name]; ok {
			m.Tables = append(m.Tables, t.describe(table))
			m.GlobalPaths = append(m.GlobalPaths, t.overGlobals(table.Name)...)
		}
	}
	return m, err
}

// overGlobals returns the paths from the rows of a table over global rows, and no others,
// to what is any tenant's. Where a tenant's row is between, all of its own begin there.
func (t tables) overGlobals(table string) []tenancyschema.Path {
	var paths []tenancyschema.Path
	for _, path := range t.globalPaths(table, nil) {
		if slices.ContainsFunc(path, func(h hop) bool { return !h.Global }) {
			continue
		}
		last := path[len(path)-1].Table
		for _, r := range t.references(last) {
			if !t.visible(last, r) {
				continue
			}
			p := tenancyschema.Path{Table: table}
			for _, h := range append(slices.Clip(path), t.hop(r)) {
				p.Hops = append(p.Hops, tenancyschema.Hop{Symbol: h.Symbol, Table: h.Table, Column: h.KeyColumn, RefColumn: h.Ref})
			}
			paths = append(paths, p)
		}
	}
	return paths
}

func (t tables) describe(table *schema.Table) tenancyschema.Table {
	scope := t.scopes[table.Name]
	d := tenancyschema.Table{Name: table.Name, TenantColumn: scope.Column, ColumnType: scope.Type}
	if n := t.nodes[table.Name]; n != nil {
		d.Entity = n.Name
	}
	for _, c := range table.PrimaryKey {
		d.PrimaryKey = append(d.PrimaryKey, c.Name)
	}
	for _, fk := range table.ForeignKeys {
		if ref, ok := t.scopes[fk.RefTable.Name]; ok {
			d.ForeignKeys = append(d.ForeignKeys, foreignKey(fk, ref))
		}
	}
	return d
}

func foreignKey(fk *schema.ForeignKey, ref tenancyschema.Tenancy) tenancyschema.ForeignKey {
	return tenancyschema.ForeignKey{
		Symbol:          fk.Symbol,
		Column:          fk.Columns[0].Name,
		RefTable:        fk.RefTable.Name,
		RefColumn:       fk.RefColumns[0].Name,
		RefTenantColumn: ref.Column,
		OnDelete:        string(fk.OnDelete),
	}
}
