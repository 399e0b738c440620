package tenancy

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
)

// Scope says on whose behalf a context acts: one tenant, or the system. What it
// says does not change, and it is safe for concurrent use.
type Scope struct {
	tenant Tenant
	arg    any // the tenant's id, boxed once: a query argument without an allocation
	reason string
	err    error // why the scope may not be used
	used   atomic.Bool
}

// scopeKey is the context key of a *Scope.
type scopeKey struct{}

// scoped is a context with a scope. Holding both in one value saves each
// request an allocation over context.WithValue.
type scoped struct {
	context.Context
	scope Scope
}

// Value implements [context.Context].
func (c *scoped) Value(key any) any {
	if key == (scopeKey{}) {
		return &c.scope
	}
	return c.Context.Value(key)
}

// NewContext returns a context that acts for tenant t, and for no other: it
// replaces a tenant or System scope that ctx had.
//
// A tenant that cannot be acted for is remembered as such, and everything that
// asks the context for its tenant fails: with [ErrNoTenant] for a tenant
// without id, [ErrInvalidID] for an id that Validate refuses, and
// [ErrInactive] for a suspended or deleted one and for a status that is none of
// [Statuses]. A tenant that is still being provisioned is accepted here, since
// provisioning writes its first rows, and so is an empty status; the middleware
// serves active tenants only.
func NewContext(ctx context.Context, t Tenant) context.Context {
	return &scoped{Context: ctx, scope: Scope{tenant: t, arg: string(t.ID), err: usable(t)}}
}

func usable(t Tenant) error {
	if t.ID == "" {
		return fmt.Errorf("%w: NewContext was given a tenant without id", ErrNoTenant)
	}
	switch t.Status {
	case "", StatusProvisioning, StatusActive:
		return t.ID.Validate()
	default: // and one that nobody knows
		return t.Active()
	}
}

// System returns a context that acts for no tenant and is held back by no
// filter: in the home it sees and changes the rows of all of them. Tenants with a
// schema or a database of their own have no rows there, and are not among them: for
// work on every tenant go through the registry (registry.All), with a NewContext for
// each. The reason says why, in words that an auditor understands; without one the
// context is refused with [ErrNoReason].
//
// In a System scope, rows of tenant-scoped entities are created with an
// explicit tenant id. To act for one tenant, use NewContext instead.
func System(ctx context.Context, reason string) context.Context {
	reason = strings.TrimSpace(reason)
	var err error
	if reason == "" {
		err = ErrNoReason
	}
	return &scoped{Context: ctx, scope: Scope{reason: reason, err: err}}
}

// Detach returns a context for work that goes on when the request is over: it
// acts for the same tenant, or in the same System scope, and has all other
// values of ctx, but neither its deadline nor its cancellation. Give it a
// deadline of its own. Without a tenant in ctx there is none in it either.
//
// For work in another process, see package envelope.
func Detach(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

// FromContext returns the tenant that ctx acts for. It fails with
// [ErrNoTenant] where there is none, also in a System scope, and with the
// errors that NewContext names.
func FromContext(ctx context.Context) (Tenant, error) {
	s, err := ScopeFromContext(ctx)
	if err != nil {
		return Tenant{}, err
	}
	if s.System() {
		return Tenant{}, fmt.Errorf("%w: it is a System scope", ErrNoTenant)
	}
	return s.tenant, nil
}

// ScopeFromContext returns the scope of ctx, a tenant's or the system's. It
// fails with [ErrNoTenant] where there is none, and with the errors that
// NewContext and System name. The scope is nil if the error is not.
func ScopeFromContext(ctx context.Context) (*Scope, error) {
	s, ok := ctx.Value(scopeKey{}).(*Scope)
	if !ok {
		return nil, ErrNoTenant
	}
	if s.err != nil {
		return nil, s.err
	}
	return s, nil
}

// System reports whether the scope is the system's and not a tenant's.
func (s *Scope) System() bool { return s.reason != "" }

// Reason returns what System was called with, and nothing for a tenant's scope.
func (s *Scope) Reason() string { return s.reason }

// TenantID returns the id of the scope's tenant, empty in a System scope.
func (s *Scope) TenantID() ID { return s.tenant.ID }

// Tenant returns the scope's tenant, the zero Tenant in a System scope.
func (s *Scope) Tenant() Tenant { return s.tenant }

// Arg returns the tenant's id as a string in an interface, made once for all
// the statements that bind it. It is nil in a System scope.
func (s *Scope) Arg() any { return s.arg }

// MarkUsed marks the scope as used, and reports whether nobody has done so before. It
// is for drivers alone, which tell their [SystemObserver] of a System scope once: whoever
// else calls it keeps the observer from being told. It is safe for concurrent use.
func (s *Scope) MarkUsed() bool { return !s.used.Load() && !s.used.Swap(true) }
