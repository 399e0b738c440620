package middleware

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/entenancy/tenancy"
)

// handler is the tenant handler around next. It is not changed once made.
type handler struct {
	next                  http.Handler
	lookup                tenancy.Lookup
	resolver              Resolver
	vary                  []string // a value of the Vary header
	notFound, unavailable answer
	log                   *slog.Logger
}

func (h handler) wrap(next http.Handler) http.Handler {
	h.next = next
	return &h
}

// ServeHTTP looks a tenant up even if the request names none, so that from the
// time it takes nobody can tell the one from the other.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.addVary(w.Header())
	named, unnamed := h.resolve(r)
	tenant, unknown := h.lookup.ByIdentifier(r.Context(), named.Identifier)
	if unknown != nil && !isUnknown(unknown) {
		h.fail(w, r, unknown)
		return
	}
	if err := cmp.Or(unnamed, unknown, tenant.Active()); err != nil {
		h.refuse(w, r, tenant, err)
		return
	}
	h.serve(w, named.Request, tenant)
}

// serve runs the wrapped handler for an active tenant.
func (h *handler) serve(w http.ResponseWriter, r *http.Request, tenant tenancy.Tenant) {
	ctx := tenancy.NewContext(r.Context(), tenant)
	if _, err := tenancy.ScopeFromContext(ctx); err != nil { // the lookup returned a tenant that is none
		h.fail(w, r, err)
		return
	}
	h.next.ServeHTTP(w, r.WithContext(ctx))
}

// resolve returns the zero Resolution with its error: a text that is no
// identifier does not get near the lookup, the empty one stands for it.
func (h *handler) resolve(r *http.Request) (Resolution, error) {
	named, err := h.resolver.Resolve(r)
	if err == nil {
		err = tenancy.ValidateIdentifier(named.Identifier)
	}
	if err != nil {
		return Resolution{}, err
	}
	if named.Request == nil {
		named.Request = r
	}
	return named, nil
}

// isUnknown reports whether a lookup's error is about the tenant. All others
// mean that nobody knows about the tenant.
func isUnknown(err error) bool {
	return errors.Is(err, tenancy.ErrNotFound) || errors.Is(err, tenancy.ErrInvalidIdentifier) ||
		errors.Is(err, tenancy.ErrInactive) || errors.Is(err, tenancy.ErrInvalidTenant)
}

// refuse answers a request that is not for an active tenant.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, tenant tenancy.Tenant, why error) {
	level := slog.LevelDebug
	if errors.Is(why, tenancy.ErrInvalidTenant) {
		level = slog.LevelError // someone has to repair it
	}
	attrs := []slog.Attr{slog.Any("error", why)}
	if tenant.ID != "" {
		attrs = append(attrs, slog.Any("tenant", tenant))
	}
	h.log.LogAttrs(r.Context(), level, "tenancy: request refused", attrs...)
	h.notFound.write(w)
}

// fail answers a request whose tenant could not be looked up.
func (h *handler) fail(w http.ResponseWriter, r *http.Request, why error) {
	level := slog.LevelError
	if errors.Is(r.Context().Err(), context.Canceled) {
		level = slog.LevelDebug // the client has gone
	}
	h.log.LogAttrs(r.Context(), level, "tenancy: tenant lookup failed", slog.Any("error", why))
	h.unavailable.write(w)
}

// addVary shares one slice between all responses, which saves each of them an
// allocation. Its capacity is used up, so that who appends to it gets a copy.
func (h *handler) addVary(header http.Header) {
	if len(h.vary) == 0 {
		return
	}
	if had := header["Vary"]; len(had) > 0 {
		header["Vary"] = append(slices.Clip(had), h.vary...)
		return
	}
	header["Vary"] = h.vary
}
