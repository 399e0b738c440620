package middleware

import (
	"context"
	"fmt"
	"net/http"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy/audit"
)

// PrincipalName is a function for Config.Actor. It returns the "sub" of a
// token's claims, a text as it is, what a [fmt.Stringer] says, and nothing for
// all else.
func PrincipalName(principal any) string {
	switch p := principal.(type) {
	case jwt.MapClaims:
		subject, _ := p["sub"].(string)
		return subject
	case string:
		return p
	case fmt.Stringer:
		return p.String()
	default:
		return ""
	}
}

// withActor returns a context that says who acts, for audit entries.
func (g *Gate) withActor(ctx context.Context, r *http.Request, principal any) context.Context {
	if g.actor == nil {
		return ctx
	}
	actor := audit.Actor{Principal: g.actor(principal), UserAgent: r.UserAgent()}
	if client := g.ClientAddr(r); client.IsValid() {
		actor.ClientAddr = client.String()
	}
	return audit.WithActor(ctx, actor)
}
