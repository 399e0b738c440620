package mixin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent"
	"entgo.io/ent/privacy"
	entschema "entgo.io/ent/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
	"github.com/entenancy/tenancy/schema/mixin"
)

// Order is an ent schema whose rows belong to tenants.
type Order struct{ ent.Schema }

// Mixin is all that it takes.
func (Order) Mixin() []ent.Mixin { return []ent.Mixin{mixin.Tenant{}} }

// Invoice keeps its tenant as a UUID, in a column that was there before.
type Invoice struct{ ent.Schema }

// Mixin says so.
func (Invoice) Mixin() []ent.Mixin {
	return []ent.Mixin{mixin.Tenant{Type: schema.UUID, Column: "org_id"}}
}

func ExampleTenant() {
	for _, s := range []ent.Interface{Order{}, Invoice{}} {
		f := s.Mixin()[0].Fields()[0].Descriptor()
		fmt.Printf("%T: %s %s in column %s, immutable: %v\n", s, f.Name, f.Info, f.StorageKey, f.Immutable)
	}
	// Output:
	// mixin_test.Order: tenant_id string in column tenant_id, immutable: true
	// mixin_test.Invoice: tenant_id uuid.UUID in column org_id, immutable: true
}

func TestTenantTypes(t *testing.T) {
	t.Parallel()
	for typ, want := range map[schema.ColumnType]field.Type{
		"": field.TypeString, schema.String: field.TypeString, schema.UUID: field.TypeUUID, schema.Int64: field.TypeInt64,
	} {
		m := mixin.Tenant{Type: typ}
		if f := m.Fields()[0].Descriptor(); f.Info.Type != want || !f.Immutable || f.Optional || f.Default != nil {
			t.Errorf("type %q: field %+v", typ, f)
		}
		index := m.Indexes()[0].Descriptor()
		if len(index.Fields) != 1 || index.Fields[0] != "tenant_id" || index.Unique {
			t.Errorf("type %q: index %+v", typ, index)
		}
		if typ == "" {
			typ = schema.String
		}
		want := entschema.Annotation(schema.Tenancy{Column: "tenant_id", Type: typ})
		if a := m.Annotations(); len(a) != 1 || a[0] != want {
			t.Errorf("type %q: annotations %+v", typ, a)
		}
	}
}

// TestTenantLength: the column takes every id that is one, by characters and not by bytes.
func TestTenantLength(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		strings.Repeat("🏢", tenancy.MaxIDLength): true, strings.Repeat("🏢", tenancy.MaxIDLength+1): false, "": false,
	} {
		if valid := tenancy.ID(text).Validate() == nil; valid != want {
			t.Errorf("an id of %d bytes: valid: %v, want %v", len(text), valid, want)
		}
		valid := true
		for _, validator := range (mixin.Tenant{}).Fields()[0].Descriptor().Validators {
			valid = valid && validator.(func(string) error)(text) == nil
		}
		if valid != want {
			t.Errorf("a column of %d bytes: valid: %v, want %v", len(text), valid, want)
		}
	}
}

// TestPolicyAlone: the policy of the mixin refuses by itself, without hook and
// interceptor, and decides nothing about those who have a tenant.
func TestPolicyAlone(t *testing.T) {
	t.Parallel()
	policy := mixin.Tenant{}.Policy()
	for name, eval := range map[string]func(context.Context) error{
		"query":    func(ctx context.Context) error { return policy.EvalQuery(ctx, nil) },
		"mutation": func(ctx context.Context) error { return policy.EvalMutation(ctx, mutation{}) },
	} {
		err := eval(t.Context())
		if !errors.Is(err, tenancy.ErrNoTenant) || !errors.Is(err, privacy.Deny) {
			t.Errorf("%s without tenant: %v, want ErrNoTenant and privacy.Deny", name, err)
		}
		if err := eval(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a"})); err != nil {
			t.Errorf("%s of a tenant: %v", name, err)
		}
		if err := eval(tenancy.System(t.Context(), "a test")); err != nil {
			t.Errorf("%s of the system: %v", name, err)
		}
	}
	other := mutation{tenant: "b"}
	err := policy.EvalMutation(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a"}), other)
	if !errors.Is(err, tenancy.ErrCrossTenant) || !errors.Is(err, privacy.Deny) {
		t.Errorf("mutation for another tenant: %v, want ErrCrossTenant and privacy.Deny", err)
	}
}

// mutation is one that may set tenant_id.
type mutation struct {
	ent.Mutation
	tenant string
}

func (m mutation) Type() string { return "Order" }

func (m mutation) Field(string) (ent.Value, bool) { return m.tenant, m.tenant != "" }
