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
}

// dependent is a table that changes along with an entity's row, at the end of
// a path of foreign keys.
type dependent struct {
	Path   []hop
	Column string
}

type hop struct{ Table, KeyColumn, Ref string }

// entities describes the graph's types for the template of tenancy.go.
func entities(g *gen.Graph) ([]entity, error) {
	dependents, err := dependentsOf(g)
	if err != nil {
		return nil, err
	}
	all := make([]entity, 0, len(g.Nodes))
	for _, n := range g.Nodes {
		e := entity{Type: n, Writable: of(n).Writable, Dependents: dependents[n.Table()]}
		if isScoped(n) {
			e.Column = columnExpr(n)
		}
		if n.HasOneFieldID() {
			e.IDColumn = n.ID.StorageKey()
		}
		for _, ge := range n.EdgesWithID() {
			e.EdgeList = append(e.EdgeList, describeEdge(ge))
		}
		all = append(all, e)
	}
	return all, nil
}

func describeEdge(ge *gen.Edge) edge {
	e := edge{Edge: ge, KeyColumn: ge.Rel.Columns[0], TargetWritable: of(ge.Type).Writable}
	if isScoped(ge.Type) {
		e.TargetColumn = columnExpr(ge.Type)
	}
	if t, ok := joinScope(ge); ok {
		e.JoinColumn = column(t)
	}
	return e
}

// joinTable is a join table whose rows carry the tenant.
type joinTable struct {
	*schema.Table
	Scope tenancyschema.Tenancy
}

// ColumnExpr is the Go expression of its tenant column.
func (t joinTable) ColumnExpr() string { return column(t.Scope) }

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

// joinTables returns the join tables that are no edge schema's.
func joinTables(g *gen.Graph) ([]joinTable, error) {
	tables, err := g.Tables()
	if err != nil {
		return nil, err
	}
	scopes := make(map[string]tenancyschema.Tenancy)
	for _, n := range g.Nodes {
		for _, e := range n.Edges {
			if t, ok := joinScope(e); ok && throughOf(e) == nil {
				scopes[e.Rel.Table] = t
			}
		}
	}
	var joins []joinTable
	for _, t := range tables {
		if scope, ok := scopes[t.Name]; ok {
			joins = append(joins, joinTable{t, scope})
		}
	}
	return joins, nil
}

// tenantTables returns the tenant column of each table that has one, and the
// entity whose table it is, nil for a join table.
func tenantTables(g *gen.Graph) (scopes map[string]tenancyschema.Tenancy, nodes map[string]*gen.Type, err error) {
	scopes, nodes = make(map[string]tenancyschema.Tenancy), make(map[string]*gen.Type)
	for _, n := range g.Nodes {
		nodes[n.Table()] = n
		if isScoped(n) {
			scopes[n.Table()] = of(n)
		}
	}
	joins, err := joinTables(g)
	for _, j := range joins {
		scopes[j.Name] = j.Scope
	}
	return scopes, nodes, err
}

// dependentsOf returns, for each table, the tables with rows of tenants that
// the database changes along with its rows.
func dependentsOf(g *gen.Graph) (map[string][]dependent, error) {
	scopes, nodes, err := tenantTables(g)
	if err != nil {
		return nil, err
	}
	tables, err := g.Tables()
	if err != nil {
		return nil, err
	}
	c := cascades{scopes: scopes, nodes: nodes, tables: tables}
	all := make(map[string][]dependent)
	for _, t := range tables {
		all[t.Name] = c.from(t.Name, nil)
	}
	return all, nil
}

// cascades walks the foreign keys that change rows when another is deleted.
type cascades struct {
	scopes map[string]tenancyschema.Tenancy
	nodes  map[string]*gen.Type
	tables []*schema.Table
}

// from returns what hangs on the rows at the end of a path: what refers to
// them, and if that is deleted too, what hangs on it in turn. No table comes
// twice in a path, so a tree whose rows delete their children is followed to
// the children and no further.
func (c cascades) from(table string, path []hop) []dependent {
	var found []dependent
	for _, t := range c.tables {
		for _, fk := range t.ForeignKeys {
			if fk.RefTable.Name != table || !changes(fk) || slices.ContainsFunc(path, func(h hop) bool { return h.Table == t.Name }) {
				continue
			}
			next := append(slices.Clip(path), hop{t.Name, fk.Columns[0].Name, fk.RefColumns[0].Name})
			if c.visible(next) {
				found = append(found, dependent{next, column(c.scopes[t.Name])})
			}
			if fk.OnDelete == schema.Cascade {
				found = append(found, c.from(t.Name, next)...)
			}
		}
	}
	return found
}

// visible reports whether a change at the end of the path is one that another
// tenant sees. Join rows that hang on a tenant's own row are seen through it
// only; those of a global row are the tenants' own.
func (c cascades) visible(path []hop) bool {
	last := path[len(path)-1].Table
	if _, scoped := c.scopes[last]; !scoped {
		return false
	}
	return c.nodes[last] != nil || len(path) == 1 && !c.refersToScoped(path[0])
}

// refersToScoped reports whether the first hop leaves a table of tenants.
func (c cascades) refersToScoped(h hop) bool {
	for _, t := range c.tables {
		for _, fk := range t.ForeignKeys {
			if t.Name == h.Table && fk.Columns[0].Name == h.KeyColumn {
				_, scoped := c.scopes[fk.RefTable.Name]
				return scoped
			}
		}
	}
	return false
}

func changes(fk *schema.ForeignKey) bool {
	return fk.OnDelete == schema.Cascade || fk.OnDelete == schema.SetNull || fk.OnDelete == schema.SetDefault
}

// metadata describes the tables with rows of tenants, for migrate/tenancy.go.
func metadata(g *gen.Graph) (tenancyschema.Metadata, error) {
	scopes, nodes, err := tenantTables(g)
	if err != nil {
		return tenancyschema.Metadata{}, err
	}
	tables, err := g.Tables()
	if err != nil {
		return tenancyschema.Metadata{}, err
	}
	var m tenancyschema.Metadata
	for _, t := range tables {
		scope, ok := scopes[t.Name]
		if !ok {
			continue
		}
		table := tenancyschema.Table{Name: t.Name, TenantColumn: scope.Column, ColumnType: scope.Type}
		if n := nodes[t.Name]; n != nil {
			table.Entity = n.Name
		}
		for _, c := range t.PrimaryKey {
			table.PrimaryKey = append(table.PrimaryKey, c.Name)
		}
		for _, fk := range t.ForeignKeys {
			if ref, ok := scopes[fk.RefTable.Name]; ok {
				table.ForeignKeys = append(table.ForeignKeys, foreignKey(fk, ref))
			}
		}
		m.Tables = append(m.Tables, table)
	}
	return m, nil
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
