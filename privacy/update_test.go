package privacy_test

import (
	"context"
	"errors"
	"testing"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/sqlgraph"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
)

// unreachable is a driver that must not be reached.
type unreachable struct{ dialect.Driver }

func (unreachable) Dialect() string { return dialect.SQLite }

// TestUpdateOfTheTenantColumn: whatever was generated for the field of mixin.Tenant,
// no update moves rows to another tenant, and no hook or policy has to be there.
func TestUpdateOfTheTenantColumn(t *testing.T) {
	t.Parallel()
	orders := &privacy.Entity{Protocol: privacy.Protocol, Name: "Order", Table: "orders", ID: "id", Tenant: privacy.StringColumn("org_id")}
	for name, ctx := range map[string]context.Context{
		"tenant": tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a"}),
		"system": tenancy.System(t.Context(), "test"),
	} {
		for how, change := range map[string]func(*sqlgraph.UpdateSpec){
			"set":   func(s *sqlgraph.UpdateSpec) { s.SetField("org_id", field.TypeString, "b") },
			"add":   func(s *sqlgraph.UpdateSpec) { s.AddField("org_id", field.TypeString, "b") },
			"clear": func(s *sqlgraph.UpdateSpec) { s.ClearField("org_id", field.TypeString) },
		} {
			spec := sqlgraph.NewUpdateSpec("orders", nil, sqlgraph.NewFieldSpec("id", field.TypeInt))
			change(spec)
			if _, err := privacy.Update(ctx, unreachable{}, spec, orders, nil); !errors.Is(err, tenancy.ErrCrossTenant) {
				t.Errorf("%s, %s: %v, want ErrCrossTenant", name, how, err)
			}
		}
		spec := sqlgraph.NewUpdateSpec("orders", nil, sqlgraph.NewFieldSpec("id", field.TypeInt))
		spec.SetField("note", field.TypeString, "b")
		if _, err := privacy.Update(ctx, unreachable{}, spec, orders, nil); err != nil {
			t.Errorf("%s, another field: %v", name, err)
		}
	}
}
