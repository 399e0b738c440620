package middleware

import (
	"context"
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
