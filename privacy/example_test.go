package privacy_test

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent"
	entprivacy "entgo.io/ent/privacy"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
)

// A policy of one's own on top of the tenant's: the system may do everything,
// and within a tenant only auditors may read.
func ExampleAllowSystem() {
	onlyAuditors := entprivacy.ContextQueryMutationRule(func(ctx context.Context) error {
		if ctx.Value(roleKey{}) == "auditor" {
			return entprivacy.Allow
		}
		return entprivacy.Denyf("not an auditor")
	})
	policy := entprivacy.QueryPolicy{privacy.RequireTenant(), privacy.AllowSystem(), onlyAuditors}

	acme := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})
	auditor := context.WithValue(acme, roleKey{}, "auditor")
	system := tenancy.System(context.Background(), "retention report")

	fmt.Println(errors.Is(policy.EvalQuery(context.Background(), nil), tenancy.ErrNoTenant))
	fmt.Println(policy.EvalQuery(acme, nil))
	fmt.Println(errors.Is(policy.EvalQuery(auditor, nil), entprivacy.Allow))
	fmt.Println(errors.Is(policy.EvalQuery(system, nil), entprivacy.Allow))
	// Output:
	// true
	// not an auditor: ent/privacy: deny rule
	// true
	// true
}

type roleKey struct{}

// The error of a rule is ent's denial and says what was missing.
func ExampleRequireTenant() {
	err := privacy.RequireTenant().EvalQuery(context.Background(), nil)

	fmt.Println(errors.Is(err, tenancy.ErrNoTenant), errors.Is(err, entprivacy.Deny))
	// Output: true true
}

func ExampleDenyCrossTenant() {
	acme := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})

	err := privacy.DenyCrossTenant().EvalMutation(acme, setTenant("globex"))
	fmt.Println(errors.Is(err, tenancy.ErrCrossTenant), errors.Is(err, entprivacy.Deny))

	err = privacy.DenyCrossTenant().EvalMutation(acme, setTenant("acme"))
	fmt.Println(errors.Is(err, entprivacy.Skip))
	// Output:
	// true true
	// true
}

// The interceptor of mixin.Tenant refuses a query that no generated code holds.
func ExampleInterceptor() {
	acme := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})

	traverser := privacy.Interceptor(privacy.KindString).(ent.Traverser)
	err := traverser.Traverse(acme, "a query of a client without entext")
	fmt.Println(errors.Is(err, tenancy.ErrNotInstalled))
	// Output: true
}

// setTenant returns a mutation that sets tenant_id.
func setTenant(id string) ent.Mutation { return mutation{id: id} }

type mutation struct {
	ent.Mutation
	id string
}

func (m mutation) Field(string) (ent.Value, bool) { return m.id, true }
func (mutation) Type() string                     { return "Order" }

// The policy of mixin.Tenant, for a schema that composes its own.
func ExamplePolicy() {
	err := privacy.Policy().EvalQuery(context.Background(), nil)
	fmt.Println(errors.Is(err, tenancy.ErrNoTenant))
	// Output: true
}

// The hook of mixin.Tenant refuses a mutation that no generated code holds.
func ExampleHook() {
	unreachable := ent.MutateFunc(func(context.Context, ent.Mutation) (ent.Value, error) {
		return nil, errors.New("the mutation got through")
	})
	acme := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme"})

	_, err := privacy.Hook(privacy.KindString)(unreachable).Mutate(acme, setTenant("acme"))
	fmt.Println(errors.Is(err, tenancy.ErrNotInstalled))
	// Output: true
}

// Generated code says with these which column holds the tenant, and how.
func ExampleStringColumn() {
	fmt.Println(privacy.StringColumn("tenant_id").Name, privacy.UUIDColumn("org_id").Kind == privacy.KindUUID, privacy.Int64Column("org_id").Kind == privacy.KindInt64)
	// Output: tenant_id true true
}
