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

// dependent is a table that changes along with an entity's row.
type dependent struct{ Table, KeyColumn, Ref, Column string }

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
// the database changes along with its rows. Join rows that hang on a tenant's
// own row are seen through it only, so they are none of a scoped table's.
func dependentsOf(g *gen.Graph) (map[string][]dependent, error) {
	scopes, nodes, err := tenantTables(g)
	if err != nil {
		return nil, err
	}
	tables, err := g.Tables()
	if err != nil {
		return nil, err
	}
	cascading := []schema.ReferenceOption{schema.Cascade, schema.SetNull, schema.SetDefault}
	all := make(map[string][]dependent)
	for _, t := range tables {
		scope, scoped := scopes[t.Name]
		if !scoped {
			continue
		}
		for _, fk := range t.ForeignKeys {
			ref := fk.RefTable.Name
			if _, refScoped := scopes[ref]; !slices.Contains(cascading, fk.OnDelete) || refScoped && nodes[t.Name] == nil {
				continue
			}
			all[ref] = append(all[ref], dependent{t.Name, fk.Columns[0].Name, fk.RefColumns[0].Name, column(scope)})
		}
	}
	return all, nil
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
