// Package replica says in a context whether its queries may go to a copy of the
// database. It is apart from package driver, which sends them there, for those that
// know nothing of drivers and need an answer of now.
package replica

import "context"

type key struct{}

// Allow returns a context whose queries may be answered by a replica.
func Allow(ctx context.Context) context.Context { return context.WithValue(ctx, key{}, true) }

// Forbid returns a context whose queries have to see what was written a moment
// ago: ctx itself, unless a replica may answer it.
func Forbid(ctx context.Context) context.Context {
	if !Allowed(ctx) {
		return ctx
	}
	return context.WithValue(ctx, key{}, false)
}

// Allowed reports whether a replica may answer the context's queries.
func Allowed(ctx context.Context) bool {
	allowed, _ := ctx.Value(key{}).(bool)
	return allowed
}
