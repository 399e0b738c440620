package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
)

// Config is what a Gate can be told. The zero Config works.
type Config struct {
	// Principal returns who sent a request, as the application's authentication
	// has found out, and nil for nobody. A nil pointer, map or the like is nobody
	// too. Defaults to what the resolver has proof of: the claims of a token with
	// JWT, nobody otherwise. The handler gets the request as Principal leaves it, with
	// the form that it has read.
	Principal func(*http.Request) any
	// PrincipalVary names the request headers that Principal reads. Caches are
	// told of them, as of those that the resolver reads, so that what a handler
	// lets them keep for one caller is not shown to another. "*" keeps responses
	// out of caches that are shared. Defaults to Cookie and Authorization where
	// Principal is set; an empty list that is not nil names none.
	PrincipalVary []string
	// Authorize returns nil if the principal may act for the tenant. Its error
	// is for the log; the caller is told that there is no such tenant. One that
	// is [tenancy.ErrUnavailable] means that nobody could say.
	//
	// It is called for each request that has a principal, also for one that is
	// for no tenant, which is refused in any case: its tenant is zero then. So
	// the time that it takes tells nobody which tenants there are. A request
	// without a principal is refused. Defaults to nil: anyone may act for any
	// tenant, unless the application sees to it elsewhere.
	Authorize func(ctx context.Context, principal any, tenant tenancy.Tenant) error

	// Excluded are patterns of [net/http.ServeMux] for requests that are served
	// without a tenant: "GET /healthz", "/docs/", "OPTIONS /". A path that is
	// not in its shortest form ("/docs/../orders") is not excluded. Defaults to none.
	Excluded []string

	// TrustedProxies are the networks of the proxies whose forwarded headers
	// count, as Forwarding says. Defaults to none: the headers are not looked at.
	TrustedProxies []netip.Prefix
	// Forwarding says which headers those proxies set. Defaults to XForwardedFor,
	// which takes the client's address from them and leaves the host alone. Under
	// XForwarded a proxy has to set or remove X-Forwarded-For and X-Forwarded-Host
	// both: one that hands the latter on lets its clients choose the host.
	Forwarding Forwarding

	// Limiter holds each tenant to its limit: [github.com/entenancy/tenancy/ratelimit.Tenants]. What is left
	// of it is in the RateLimit headers of the response. Defaults to none.
	Limiter Limiter
	// Probes holds each client to a limit of requests that are answered with
	// NotFound: [github.com/entenancy/tenancy/ratelimit.Clients]. A client that is over it is answered with
	// Limited until it may send the next, whatever it asks for, and is looked up
	// nothing. Clients behind one address count as one. If Probes fails, that is
	// logged, and nobody is held off. Defaults to none.
	Probes ClientLimiter

	// Actor returns the name of a principal, which is nil for nobody, for audit
	// entries, and has the handler's context say who acts, from which address
	// and with which user agent ([github.com/entenancy/tenancy/audit.WithActor]). [PrincipalName] does for
	// tokens and texts. Defaults to none: the context does not say.
	Actor func(principal any) string

	// NotFound is the answer to every request that is not for an active tenant
	// that the caller may act for, whatever the reason. Its status is a 4xx.
	// Defaults to 404.
	NotFound Problem
	// Suspended is the answer to a request for a suspended tenant whose caller
	// Authorize lets act for it. Others get NotFound. Its status is a 4xx.
	// Defaults to 403.
	Suspended Problem
	// Limited is the answer to a request that is one too many. Its status is a
	// 4xx. Defaults to 429.
	Limited Problem
	// Unavailable is the answer when the lookup fails. Its status is a 5xx.
	// Defaults to 503.
	Unavailable Problem

	// Observer is told of each request that is not excluded. Defaults to none.
	Observer tenancy.RequestObserver
	// Logger hears at debug level why a request was refused, and at error
	// level of lookups that fail; at debug level too, if the request's own context
	// was over by then. Defaults to none.
	Logger *slog.Logger
}

// New returns the tenant handler, to be wrapped around the handlers that serve
// a tenant's requests. It finds the tenant that resolver says a request is
// for, and runs the wrapped handler with it in the request's context, where
// [tenancy.FromContext] does not fail. The package comment says how all other
// requests are answered.
//
// The wrapped handler gets the ResponseWriter as it is, and what it does with
// it, its panics too, is none of the tenant handler's business. It is safe for
// concurrent use, and does one lookup for each request: give it a lookup that
// caches.
func New(lookup tenancy.Lookup, resolver Resolver, cfg Config) (func(http.Handler) http.Handler, error) {
	g, err := NewGate(lookup, resolver, cfg)
	if err != nil {
		return nil, err
	}
	return g.Handler, nil
}

// NewGate returns what New's handler decides with, for middleware of frameworks
// that are not net/http's.
func NewGate(lookup tenancy.Lookup, resolver Resolver, cfg Config) (*Gate, error) {
	if lookup == nil {
		return nil, errors.New("middleware: lookup is nil")
	}
	if resolver == nil {
		return nil, errors.New("middleware: resolver is nil")
	}
	if err := resolver.Validate(); err != nil {
		return nil, err
	}
	g := &Gate{
		lookup: lookup, resolver: resolver, principal: cfg.Principal, authorize: cfg.Authorize,
		limiter: cfg.Limiter, actor: cfg.Actor, observer: cfg.Observer, log: cfg.Logger,
	}
	var err error
	if g.answers, err = newAnswers(cfg); err != nil {
		return nil, err
	}
	if g.excluded, err = newExcluded(cfg.Excluded); err != nil {
		return nil, err
	}
	if g.proxies, err = newProxies(cfg.TrustedProxies, cfg.Forwarding); err != nil {
		return nil, err
	}
	if g.probes, err = newProbes(cfg.Probes); err != nil {
		return nil, fmt.Errorf("middleware: Config.Probes: %w", err)
	}
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	principalVary, err := cfg.principalVary()
	if err != nil {
		return nil, err
	}
	if vary := union(resolver.Vary(), principalVary, g.proxies.vary()); len(vary) > 0 {
		g.vary = []string{strings.Join(vary, ", ")}
	}
	return g, nil
}

// principalVary is PrincipalVary with its default.
func (cfg Config) principalVary() ([]string, error) {
	if cfg.PrincipalVary == nil && cfg.Principal != nil {
		return []string{"Cookie", "Authorization"}, nil
	}
	for _, name := range cfg.PrincipalVary {
		if !isToken(name) { // of which "*" is one
			return nil, errors.New("middleware: Config.PrincipalVary: one is not a header's name")
		}
	}
	return cfg.PrincipalVary, nil
}

// union returns what is in any of the lists, once.
func union(lists ...[]string) []string {
	var all []string
	for _, name := range slices.Concat(lists...) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}
