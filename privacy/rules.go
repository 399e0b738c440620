package privacy

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"entgo.io/ent"
	"entgo.io/ent/privacy"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
)

// denied marks an error as a denial of ent's privacy layer too.
func denied(err error) error { return fmt.Errorf("%w: %w", err, privacy.Deny) }

// RequireTenant returns a rule that denies contexts that name neither a tenant
// nor a System scope, and decides nothing about others. The error is both
// tenancy.ErrNoTenant and ent's privacy.Deny.
func RequireTenant() privacy.QueryMutationRule {
	return privacy.ContextQueryMutationRule(func(ctx context.Context) error {
		if _, err := tenancy.ScopeFromContext(ctx); err != nil {
			return denied(err)
		}
		return privacy.Skip
	})
}

// AllowSystem returns a rule that allows everything in a System scope, so that
// the rules after it are about tenants only. It decides nothing about others.
func AllowSystem() privacy.QueryMutationRule {
	return privacy.ContextQueryMutationRule(func(ctx context.Context) error {
		if scope, err := tenancy.ScopeFromContext(ctx); err == nil && scope.System() {
			return privacy.Allow
		}
		return privacy.Skip
	})
}

// DenyCrossTenant returns a rule that denies mutations that set tenant_id to
// another tenant than the context's, with tenancy.ErrCrossTenant, and those without a
// scope, as RequireTenant does. It decides nothing about others, nor about any in a
// System scope. Its errors are ent's privacy.Deny, too.
func DenyCrossTenant() privacy.MutationRule {
	return privacy.MutationRuleFunc(func(ctx context.Context, m ent.Mutation) error {
		scope, err := tenancy.ScopeFromContext(ctx)
		if err != nil {
			return denied(err)
		}
		if err := sameTenant(scope, m); err != nil {
			return denied(err)
		}
		return privacy.Skip
	})
}

// Policy returns the policy of mixin.Tenant: RequireTenant and DenyCrossTenant.
func Policy() ent.Policy {
	return privacy.Policy{
		Query:    privacy.QueryPolicy{RequireTenant()},
		Mutation: privacy.MutationPolicy{RequireTenant(), DenyCrossTenant()},
	}
}

// Interceptor returns the guard of mixin.Tenant. It refuses queries without a
// tenant, or with one whose id the column cannot store, and clients that were not
// generated with entext, for every shape of query, also where ent asks neither
// policies nor selectors for their errors.
func Interceptor(k Kind) ent.Interceptor {
	column := Column{TenantField, k}
	return ent.TraverseFunc(func(ctx context.Context, q ent.Query) error {
		if err := checkGenerated(q); err != nil {
			return err
		}
		scope, err := tenancy.ScopeFromContext(ctx)
		if err != nil {
			return denied(err)
		}
		if scope.System() {
			return nil
		}
		_, err = column.arg(scope)
		return err
	})
}

// Hook returns the hook of mixin.Tenant. It fills tenant_id in, refuses one
// that is not the context's, and refuses clients that were not generated with
// entext.
func Hook(k Kind) ent.Hook {
	return func(next ent.Mutator) ent.Mutator {
		return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
			if err := checkGenerated(m); err != nil {
				return nil, err
			}
			scope, err := tenancy.ScopeFromContext(ctx)
			if err != nil {
				return nil, denied(err)
			}
			if m.Op().Is(ent.OpCreate) {
				if err := fill(scope, m, k); err != nil {
					return nil, err
				}
			}
			return next.Mutate(ctx, m)
		})
	}
}

// fill sets tenant_id, or checks what is there.
func fill(scope *tenancy.Scope, m ent.Mutation, k Kind) error {
	if _, set := m.Field(tenantField(m)); set {
		return sameTenant(scope, m)
	}
	if scope.System() {
		return fmt.Errorf("%w: creating a %s in a System scope needs an explicit SetTenantID", tenancy.ErrNoTenant, m.Type())
	}
	v, err := k.fieldValue(scope)
	if err != nil {
		return err
	}
	return m.SetField(tenantField(m), v)
}

// tenantField is the name that the mutation knows tenant_id by, which for ent
// is the name of its column.
func tenantField(m ent.Mutation) string {
	if g, ok := m.(interface{ TenancyColumn() string }); ok {
		return g.TenancyColumn()
	}
	return TenantField
}

// sameTenant refuses a mutation that sets tenant_id to another tenant's.
func sameTenant(scope *tenancy.Scope, m ent.Mutation) error {
	v, set := m.Field(tenantField(m))
	if !set || scope.System() {
		return nil
	}
	if id, ok := idOf(v); !ok || id != scope.TenantID() {
		return fmt.Errorf("%w: %s.%s is set to another tenant", tenancy.ErrCrossTenant, m.Type(), TenantField)
	}
	return nil
}

// fieldValue returns the scope's tenant id in the Go type of the ent field.
func (k Kind) fieldValue(scope *tenancy.Scope) (any, error) {
	v, err := Column{TenantField, k}.arg(scope)
	if err != nil || k != KindUUID {
		return v, err
	}
	id, err := uuid.Parse(string(scope.TenantID()))
	if err != nil {
		return nil, errors.Join(tenancy.ErrInvalidID, err)
	}
	return id, nil
}

// idOf returns the tenant id that a value of a tenant field or column stands for.
func idOf(v any) (tenancy.ID, bool) {
	switch v := v.(type) {
	case string:
		return tenancy.ID(v), true
	case int64:
		return tenancy.ID(strconv.FormatInt(v, 10)), true
	case uuid.UUID:
		return tenancy.ID(v.String()), true
	default:
		return "", false
	}
}
