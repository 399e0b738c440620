package privacy_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"testing"

	"entgo.io/ent/dialect/sql/sqlgraph"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
)

// TestEdgesOverColumnsOfOthers: whatever was generated, an edge over the tenant column
// moves no row to another tenant, and one over another edge's column links none unchecked.
func TestEdgesOverColumnsOfOthers(t *testing.T) {
	t.Parallel()
	companies := privacy.Target{Table: "companies", ID: "id", Writable: true}
	users := privacy.Target{Table: "users", ID: "id", Tenant: privacy.StringColumn("tenant_id")}
	orders := privacy.Target{Table: "orders", ID: "id", Tenant: privacy.StringColumn("org_id")}
	order := privacy.Entity{Protocol: privacy.Protocol, Name: "Order", Table: "orders", ID: "id", Tenant: orders.Tenant}
	company := privacy.Entity{Protocol: privacy.Protocol, Name: "Company", Table: "companies", ID: "id", Writable: true}
	for name, c := range map[string]struct {
		entity privacy.Entity
		edges  []privacy.Edge
		bidi   bool
	}{
		"own key":            {order, []privacy.Edge{{Name: "company", Rel: sqlgraph.M2O, Table: "orders", Column: "org_id", Target: companies}}, false},
		"own key, back":      {order, []privacy.Edge{{Name: "company", Rel: sqlgraph.O2O, Inverse: true, Table: "orders", Column: "org_id", Target: companies}}, false},
		"own key, in case":   {order, []privacy.Edge{{Name: "company", Rel: sqlgraph.M2O, Table: "orders", Column: "ORG_ID", Target: companies}}, false},
		"own key, both ways": {order, []privacy.Edge{{Name: "twin", Rel: sqlgraph.O2O, Table: "orders", Column: "org_id", Target: orders}}, true},
		"the other's key":    {company, []privacy.Edge{{Name: "orders", Rel: sqlgraph.O2M, Table: "orders", Column: "org_id", Target: orders}}, false},
		"two edges": {order, []privacy.Edge{
			{Name: "company", Rel: sqlgraph.M2O, Table: "orders", Column: "ref_id", Target: companies},
			{Name: "owner", Rel: sqlgraph.M2O, Table: "orders", Column: "ref_id", Target: users},
		}, false},
	} {
		c.entity.Edges = c.edges
		edge := &sqlgraph.EdgeSpec{
			Rel: c.edges[0].Rel, Inverse: c.edges[0].Inverse, Bidi: c.bidi, Table: c.edges[0].Table, Columns: []string{c.edges[0].Column},
			Target: &sqlgraph.EdgeTarget{Nodes: []driver.Value{"b"}, IDSpec: sqlgraph.NewFieldSpec("id", field.TypeString)},
		}
		for who, ctx := range map[string]context.Context{
			"tenant": tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a"}),
			"system": tenancy.System(t.Context(), "test"),
		} {
			for how, run := range writesWith(ctx, &c.entity, edge) {
				if err := run(); !errors.Is(err, tenancy.ErrCrossTenant) {
					t.Errorf("%s, %s, %s: %v, want ErrCrossTenant", name, who, how, err)
				}
			}
		}
	}
}

// writesWith returns the writes of a row of e that can have an edge.
func writesWith(ctx context.Context, e *privacy.Entity, edge *sqlgraph.EdgeSpec) map[string]func() error {
	id := sqlgraph.NewFieldSpec("id", field.TypeInt)
	update := func(change func(*sqlgraph.UpdateSpec)) func() error {
		return func() error {
			spec := sqlgraph.NewUpdateSpec(e.Table, nil, id)
			change(spec)
			_, err := privacy.Update(ctx, unreachable{}, spec, e, nil)
			return err
		}
	}
	create := func() *sqlgraph.CreateSpec {
		spec := sqlgraph.NewCreateSpec(e.Table, id)
		spec.SetField("org_id", field.TypeString, "a")
		spec.Edges = []*sqlgraph.EdgeSpec{edge}
		return spec
	}
	return map[string]func() error{
		"add":   update(func(s *sqlgraph.UpdateSpec) { s.Edges.Add = []*sqlgraph.EdgeSpec{edge} }),
		"clear": update(func(s *sqlgraph.UpdateSpec) { s.Edges.Clear = []*sqlgraph.EdgeSpec{edge} }),
		"create": func() error {
			guarded, _ := privacy.Create(unreachable{}, create(), e, nil)
			return guarded.Exec(ctx, "INSERT", []any{}, nil)
		},
		"create, bulk": func() error {
			spec := &sqlgraph.BatchCreateSpec{Nodes: []*sqlgraph.CreateSpec{create()}}
			return privacy.CreateBulk(unreachable{}, spec, e, nil).Exec(ctx, "INSERT", []any{}, nil)
		},
	}
}
