package middleware

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/entenancy/tenancy"
)

// Config is what a tenant handler can be told. The zero Config works.
type Config struct {
	// NotFound is the answer to every request that is not for an active
	// tenant, whatever the reason. Its status is a 4xx. Defaults to 404.
	NotFound Problem
	// Unavailable is the answer when the lookup fails. Its status is a 5xx.
	// Defaults to 503.
	Unavailable Problem
	// Logger hears at debug level why a request was refused, and at error
	// level of lookups that fail. Defaults to none.
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
	if lookup == nil {
		return nil, errors.New("tenancy: middleware.New: lookup is nil")
	}
	if resolver == nil {
		return nil, errors.New("tenancy: middleware.New: resolver is nil")
	}
	if err := resolver.Validate(); err != nil {
		return nil, err
	}
	notFound, err := newAnswer("NotFound", cfg.NotFound.or(Problem{
		Status: http.StatusNotFound, Detail: "tenant not found",
	}), 4)
	if err != nil {
		return nil, err
	}
	unavailable, err := newAnswer("Unavailable", cfg.Unavailable.or(Problem{
		Status: http.StatusServiceUnavailable, Detail: "the tenant cannot be looked up at the moment",
	}), 5)
	if err != nil {
		return nil, err
	}
	h := handler{lookup: lookup, resolver: resolver, notFound: notFound, unavailable: unavailable, log: cfg.Logger}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if vary := resolver.Vary(); len(vary) > 0 {
		h.vary = []string{strings.Join(vary, ", ")}
	}
	return h.wrap, nil
}
