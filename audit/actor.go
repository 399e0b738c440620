package audit

import (
	"context"
	"log/slog"
)

// Actor is who does something, and from where. The fields may be empty.
type Actor struct {
	// Principal is the user or service, as the application's authentication
	// knows it. It must not be a token.
	Principal string
	// ClientAddr is the address of the client, without a port.
	ClientAddr string
	// UserAgent is what the client says that it is.
	UserAgent string
}

type actorKey struct{}

// WithActor returns a context in which a does what is done. It replaces the one
// that ctx had. Texts that come from a client may be as they are: an entry has
// them without control characters and cut to a bearable length.
func WithActor(ctx context.Context, a Actor) context.Context {
	return context.WithValue(ctx, actorKey{}, a)
}

// ActorFromContext returns who does what is done in ctx, the zero Actor if
// nobody has said so. It needs no tenant in ctx.
func ActorFromContext(ctx context.Context) Actor {
	a, _ := ctx.Value(actorKey{}).(Actor)
	return a
}

// LogValue implements [slog.LogValuer].
func (a Actor) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("principal", a.Principal),
		slog.String("client_addr", a.ClientAddr),
		slog.String("user_agent", a.UserAgent),
	)
}
