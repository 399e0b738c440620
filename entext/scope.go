package entext

import (
	"encoding/json"
	"fmt"
	"slices"

	"entgo.io/ent/entc/gen"

	"github.com/entenancy/tenancy/schema"
)

// annotation returns what a schema, field, edge or index says about tenancy.
func annotation(annotations map[string]any) (t schema.Tenancy, ok bool) {
	raw, ok := annotations[schema.AnnotationName]
	if !ok {
		return t, false
	}
	// ent hands annotations over as decoded JSON.
	text, err := json.Marshal(raw)
	if err != nil || json.Unmarshal(text, &t) != nil {
		return t, false
	}
	return t, true
}

func of(n *gen.Type) schema.Tenancy {
	t, _ := annotation(n.Annotations)
	return t
}

func isScoped(n *gen.Type) bool { return of(n).Column != "" }

func isGlobal(n *gen.Type) bool { return !isScoped(n) }

// globals returns the names of the global entities.
func globals(g *gen.Graph) []string {
	var names []string
	for _, n := range g.Nodes {
		if isGlobal(n) {
			names = append(names, n.Name)
		}
	}
	return names
}

// columnExpr returns the Go expression for an entity's tenant column.
func columnExpr(n *gen.Type) string { return column(of(n)) }

// tableColumns returns the Go expressions for the tenant columns of tables by their names.
func tableColumns(g *gen.Graph) (map[string]string, error) {
	t, err := tablesOf(g)
	columns := make(map[string]string, len(t.scopes))
	for table, scope := range t.scopes {
		columns[table] = column(scope)
	}
	return columns, err
}

func columnName(n *gen.Type) string { return of(n).Column }

func column(t schema.Tenancy) string {
	if t.Column == "" {
		return "tenantprivacy.Column{}"
	}
	constructor := map[schema.ColumnType]string{
		schema.String: "StringColumn",
		schema.UUID:   "UUIDColumn",
		schema.Int64:  "Int64Column",
	}[t.Type]
	return fmt.Sprintf("tenantprivacy.%s(%q)", constructor, t.Column)
}

// joinScope returns the tenant column of an M2M edge's join table: its own if
// it is an edge schema, else like that of the end that is scoped. ok is false
// where neither end is.
func joinScope(e *gen.Edge) (t schema.Tenancy, ok bool) {
	if !e.M2M() {
		return t, false
	}
	if through := throughOf(e); through != nil {
		t = of(through)
		return t, t.Column != ""
	}
	for _, end := range ends(e) {
		if isScoped(end) {
			return of(end), true
		}
	}
	return t, false
}

// ends returns the types that an edge joins, where it is declared first.
func ends(e *gen.Edge) []*gen.Type {
	if e.IsInverse() {
		return []*gen.Type{e.Owner, e.Ref.Type}
	}
	return []*gen.Type{e.Owner, e.Type}
}

// joinWritable reports whether tenants may write the rows that an M2M edge between
// global entities makes: those of its edge schema, or of a join table, which has no
// schema to say so and is both ends'.
func joinWritable(e *gen.Edge) bool {
	if through := throughOf(e); through != nil {
		return of(through).Writable
	}
	return e.M2M() && !slices.ContainsFunc(ends(e), func(n *gen.Type) bool { return !of(n).Writable })
}

// throughOf returns the edge schema of an M2M edge, on whichever end it is declared.
func throughOf(e *gen.Edge) *gen.Type {
	if e.Through == nil && e.Ref != nil {
		return e.Ref.Through
	}
	return e.Through
}

// hasJoinScope reports whether the join rows of an M2M edge carry the tenant.
func hasJoinScope(e *gen.Edge) bool {
	_, ok := joinScope(e)
	return ok
}

// joinColumnExpr returns the Go expression for the tenant column of an edge's join
// table, the zero Column if it has none.
func joinColumnExpr(e *gen.Edge) string {
	t, _ := joinScope(e)
	return column(t)
}
