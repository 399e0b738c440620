// Package rule holds the privacy rules of the benchmarks' entql variant: what
// an application writes that follows ent's documentation on multi-tenancy.
package rule

import (
	"context"

	"entgo.io/ent/entql"

	gen "github.com/entenancy/tenancy/internal/integration/bench/entql/ent"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent/order"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent/privacy"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent/user"
)

type tenantKey struct{}

// NewContext returns a context that acts for the tenant.
func NewContext(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

func tenantOf(ctx context.Context) (string, bool) {
	tenant, ok := ctx.Value(tenantKey{}).(string)
	return tenant, ok
}

// RequireTenant denies what is done for no tenant.
func RequireTenant() privacy.QueryMutationRule {
	return privacy.ContextQueryMutationRule(func(ctx context.Context) error {
		if _, ok := tenantOf(ctx); !ok {
			return privacy.Denyf("no tenant in the context")
		}
		return privacy.Skip
	})
}

// FilterTenant adds the tenant's condition to queries, updates and deletes.
func FilterTenant() privacy.QueryMutationRule {
	return privacy.FilterFunc(func(ctx context.Context, f privacy.Filter) error {
		tenant, _ := tenantOf(ctx)
		tf, ok := f.(interface{ WhereTenantID(entql.StringP) })
		if !ok {
			return privacy.Denyf("filter %T has no tenant", f)
		}
		tf.WhereTenantID(entql.StringEQ(tenant))
		return privacy.Skip
	})
}

// DenyForeignOwner denies an order whose owner is not the tenant's. The rule's
// own query goes around the policies by an Allow in its context, so it has to
// name the tenant itself.
func DenyForeignOwner() privacy.MutationRule {
	return privacy.OrderMutationRuleFunc(func(ctx context.Context, m *gen.OrderMutation) error {
		owners := m.OwnerIDs()
		if len(owners) == 0 {
			return privacy.Skip
		}
		tenant, _ := tenantOf(ctx)
		n, err := m.Client().User.Query().
			Where(user.IDIn(owners...), user.TenantID(tenant)).
			Count(privacy.DecisionContext(ctx, privacy.Allow))
		if err != nil {
			return privacy.Denyf("looking up %s: %v", order.EdgeOwner, err)
		}
		if n != len(owners) {
			return privacy.Denyf("%s is another tenant's", order.EdgeOwner)
		}
		return privacy.Skip
	})
}
