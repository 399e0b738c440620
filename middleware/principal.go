package middleware

import (
	"context"
	"net/http"
	"reflect"
)

type principalKey struct{}

// somebody returns the principal, and nil for a nil of any type: what a function
// that returns a pointer has for nobody is not nil once it is in an interface.
func somebody(principal any) any {
	v := reflect.ValueOf(principal)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Interface, reflect.Slice, reflect.Chan, reflect.UnsafePointer:
		if v.IsNil() {
			return nil
		}
	default: // has no nil
	}
	return principal
}

type unsureKey struct{}

// caller asks Config.Principal who has sent a request. The error is why nobody
// could say, if there is no principal for that. The request keeps what Config.Principal does to it.
func (g *Gate) caller(r *http.Request) (principal any, err error) {
	var why error
	before := r.Context()
	ctx := context.WithValue(before, unsureKey{}, &why)
	setContext(ctx, r)
	if principal = somebody(g.principal(r)); principal == nil {
		err = why
	}
	if r.Context() == ctx {
		setContext(before, r)
	}
	return principal, err
}

// unsure tells the Gate why it cannot be said who has sent the request: a
// Config.Principal returns nobody then, so that no one takes it for somebody.
func unsure(r *http.Request, err error) {
	if why, ok := r.Context().Value(unsureKey{}).(*error); ok {
		*why = err
	}
}

// withPrincipal returns a context that knows who sent the request.
func withPrincipal(ctx context.Context, principal any) context.Context {
	if principal == nil {
		return ctx
	}
	return context.WithValue(ctx, principalKey{}, principal)
}

// PrincipalFromContext returns who sent the request that is being served: what
// Config.Principal returned, or what the resolver has proof of. It is nil where
// nobody has. It does not say that the principal may act for the tenant; that
// it does is Config.Authorize's to see to.
func PrincipalFromContext(ctx context.Context) any { return ctx.Value(principalKey{}) }
