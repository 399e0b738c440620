package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/entenancy/tenancy"
)

// Gate decides about requests: which tenant each is for, and whether it is
// served. It is what a middleware for any framework is made of. It is not
// changed once made, and is safe for concurrent use.
type Gate struct {
	lookup    tenancy.Lookup
	resolver  Resolver
	excluded  excluded
	proxies   proxies
	principal func(*http.Request) any
	authorize func(context.Context, any, tenancy.Tenant) error
	limiter   Limiter
	probes    *probes
	actor     func(any) string
	observer  tenancy.RequestObserver
	log       *slog.Logger
	vary      []string // a value of the Vary header
	answers   answers
}

// Admit decides about a request. What is not net/http's is described as a
// request of it: the Gate and the resolvers of this package read its Method,
// URL, Host, Header (with canonical names), RemoteAddr and context, and nothing
// of its body.
//
// It does one lookup for each request that is not for an excluded path nor of a
// client that Config.Probes holds off, whatever the request is: what the Gate
// does itself takes the same time whatever a request is refused for. A lookup
// that caches does not: it answers sooner for what it has at hand.
func (g *Gate) Admit(r *http.Request) Admission {
	if g.excluded.has(r) {
		return Admission{Request: r, own: r}
	}
	own := *r
	a := g.watch(&own)
	a.own = &own
	return a
}

// watch decides about a request, and has the observer told of it.
func (g *Gate) watch(r *http.Request) Admission {
	if g.observer == nil {
		return g.decide(r)
	}
	start := time.Now()
	ctx := g.observer.RequestStart(r.Context()) //nolint:contextcheck // it is derived from the request's
	setContext(ctx, r)
	a := g.decide(r)
	if a.Request != nil {
		ctx = a.Request.Context()
	}
	g.observer.RequestEnd(ctx, tenancy.RequestEnd{
		Tenant: a.found(), Outcome: a.Outcome(), Err: a.err(), Took: time.Since(start),
	})
	return a
}

// setContext gives a request that is the Gate's own another context.
func setContext(ctx context.Context, own *http.Request) { *own = *own.WithContext(ctx) }

// decide looks a tenant up, and asks whether the caller may act for it, even if
// the request names none. The request is the Gate's own, a copy that the resolver,
// Config.Principal and the handler get one after the other: where one of them reads a
// form the body is gone, and the next finds the form in the request.
func (g *Gate) decide(r *http.Request) Admission {
	if g.probes != nil {
		if wait := g.probes.wait(g.ClientAddr(r)); wait > 0 {
			return g.holdOff(wait)
		}
	}
	named, unnamed := g.resolve(r)
	if isFailure(unnamed) {
		return g.fail(r, "tenant lookup failed", unnamed)
	}
	tenant, unknown := g.find(r.Context(), named)
	if unknown != nil && !isUnknown(unknown) {
		return g.fail(r, "tenant lookup failed", unknown)
	}
	if unknown != nil || unnamed != nil {
		tenant = tenancy.Tenant{} // the lookup may have one even so
	}
	stranger := g.authorized(r.Context(), named.Principal, tenant)
	if isFailure(stranger) {
		return g.fail(r, "authorization failed", stranger)
	}
	if err := cmp.Or(unnamed, unknown, stranger); err != nil {
		return g.refuse(r, ReasonNotFound, tenant, err)
	}
	if err := tenant.Active(); err != nil {
		return g.refuse(r, g.inactive(tenant), tenant, err)
	}
	return g.admit(r, named, tenant)
}

// resolve returns a Resolution that names nobody with its error: a text that is
// no identifier or id does not get near the lookup, the empty one stands for it.
func (g *Gate) resolve(r *http.Request) (Resolution, error) {
	named := Resolution{}
	sent := r.Host
	asked, err := g.proxies.host(r)
	if err == nil {
		r.Host = asked
		named, err = g.resolver.Resolve(r)
		r.Host = sent
	}
	if err == nil {
		err = named.validate()
	}
	named.Principal = somebody(named.Principal)
	if g.principal != nil {
		principal, failed := g.caller(r)
		if failed != nil {
			return Resolution{}, failed
		}
		named.Principal = principal
	}
	if err != nil {
		return Resolution{Principal: named.Principal}, err
	}
	return named, nil
}

// find looks the tenant up, once. It goes by the identifier where there is one, as
// that is what can be out of date: the tenant that has it now has to have the id.
func (g *Gate) find(ctx context.Context, named Resolution) (tenant tenancy.Tenant, err error) {
	if named.Identifier == "" && named.ID != "" {
		tenant, err = g.lookup.ByID(ctx, named.ID)
	} else {
		tenant, err = g.lookup.ByIdentifier(ctx, named.Identifier)
	}
	if err == nil && named.ID != "" && named.ID != tenant.ID {
		return tenancy.Tenant{}, fmt.Errorf("%w: the tenant that has this name is not the one with this id", tenancy.ErrCrossTenant)
	}
	return tenant, err
}

// authorized asks whether the principal may act for the tenant.
func (g *Gate) authorized(ctx context.Context, principal any, tenant tenancy.Tenant) error {
	if g.authorize == nil {
		return nil
	}
	if principal == nil {
		return tenancy.ErrUnauthenticated
	}
	return g.authorize(ctx, principal, tenant)
}

// inactive returns why a tenant is not served, as its member may know it.
func (g *Gate) inactive(tenant tenancy.Tenant) Reason {
	if g.authorize != nil && tenant.Status == tenancy.StatusSuspended {
		return ReasonSuspended
	}
	return ReasonNotFound
}

// admit makes the request into the one that the handler gets.
func (g *Gate) admit(r *http.Request, named Resolution, tenant tenancy.Tenant) Admission {
	ctx := g.withActor(withPrincipal(r.Context(), named.Principal), r, named.Principal)
	ctx = tenancy.NewContext(ctx, tenant)
	if _, err := tenancy.ScopeFromContext(ctx); err != nil { // the lookup returned a tenant that is none
		return g.fail(r, "tenant lookup failed", err)
	}
	left, refusal := g.limit(r, tenant)
	if refusal != nil {
		return Admission{Refusal: refusal, vary: g.vary, limit: left}
	}
	setContext(ctx, r)
	if named.Path != "" {
		setPath(r, named.Path, named.RawPath)
	}
	return Admission{Request: r, Tenant: tenant, vary: g.vary, limit: left}
}

// isUnknown reports whether a lookup's error is about the tenant. All others
// mean that nobody knows about the tenant.
func isUnknown(err error) bool {
	return errors.Is(err, tenancy.ErrNotFound) || errors.Is(err, tenancy.ErrCrossTenant) ||
		errors.Is(err, tenancy.ErrInvalidIdentifier) || errors.Is(err, tenancy.ErrInvalidID) ||
		errors.Is(err, tenancy.ErrInactive) || errors.Is(err, tenancy.ErrInvalidTenant)
}

// isFailure reports whether the error of a resolver or of Authorize means that
// nobody could say. All others are about the request.
func isFailure(err error) bool {
	return errors.Is(err, tenancy.ErrUnavailable) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// refuse turns a request down for what it is. One for a tenant that is not there
// is counted as a probe, whatever is wrong with it.
func (g *Gate) refuse(r *http.Request, reason Reason, tenant tenancy.Tenant, why error) Admission {
	level := slog.LevelDebug
	if errors.Is(why, tenancy.ErrInvalidTenant) {
		level = slog.LevelError // someone has to repair it
	}
	attrs := []slog.Attr{slog.Any("error", why)}
	if tenant.ID != "" {
		attrs = append(attrs, slog.Any("tenant", tenant))
	}
	g.log.LogAttrs(r.Context(), level, "tenancy: request refused", attrs...)
	if reason == ReasonNotFound && g.probes != nil {
		wait, err := g.probes.count(r.Context(), g.ClientAddr(r))
		if err != nil {
			g.log.LogAttrs(r.Context(), failureLevel(r), "tenancy: limiter of probes failed", slog.Any("error", err))
		}
		if wait > 0 {
			return g.holdOff(wait)
		}
	}
	return g.refusal(reason, tenant, why)
}

// limitedError is why a request is one too many.
type limitedError struct{}

func (limitedError) Error() string { return "tenancy: too many requests" }

// ErrorType is the error's name for observe.ErrorType, which cannot know it.
func (limitedError) ErrorType() string { return "rate_limited" }

// holdOff turns down a client that has sent too many probes.
func (g *Gate) holdOff(wait time.Duration) Admission {
	a := g.refusal(ReasonLimited, tenancy.Tenant{}, limitedError{})
	a.Refusal.RetryAfter = wait
	return a
}

// fail turns down a request about which nobody could say.
func (g *Gate) fail(r *http.Request, what string, why error) Admission {
	g.log.LogAttrs(r.Context(), failureLevel(r), "tenancy: "+what, slog.Any("error", why))
	return g.refusal(ReasonUnavailable, tenancy.Tenant{}, why)
}

// failureLevel is at which level a failure is logged. Once the request's own
// context is over, because the client has gone or its deadline has passed, what
// fails says nothing about this server.
func failureLevel(r *http.Request) slog.Level {
	if r.Context().Err() != nil {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func (g *Gate) refusal(reason Reason, tenant tenancy.Tenant, why error) Admission {
	return Admission{vary: g.vary, Refusal: &Refusal{Reason: reason, Err: why, tenant: tenant, answer: g.answers.to(reason)}}
}
