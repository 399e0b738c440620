package middleware

import (
	"errors"
	"net/http"

	"github.com/entenancy/tenancy"
)

// Resolver reads from a request which tenant it is for. It must be safe for
// concurrent use.
type Resolver interface {
	// Resolve returns the tenant's identifier or id, as the request names it.
	// Whether there is such a tenant, and whether the text can be one at all, is
	// for the Gate to find out. The request is not changed, but for a
	// form that Resolve reads: Config.Principal and the handler find it there. It is not to
	// be kept, be it by a goroutine, when Resolve has returned. Its Host
	// is what the client asked for, also behind a proxy that Config.TrustedProxies
	// lists, if that hands it on as Config.Forwarding says.
	//
	// A Resolution without either means that the request says nothing
	// where this resolver looks. An error means that it says something that
	// has to be refused, such as two different tenants. The client is told the
	// same in either case. The error's text is for the log: it does not repeat
	// what the request sent. An error that is [tenancy.ErrUnavailable], or that
	// of a context that is over, means that nobody could say; it is answered as
	// a lookup that fails.
	Resolve(r *http.Request) (Resolution, error)

	// Vary returns the names of the request headers that Resolve reads,
	// whether they are there or not, and "*" if it cannot say. What is in the
	// URL or the Host header is not named: caches tell requests apart by it.
	Vary() []string

	// Validate says what is wrong with how the resolver was made, which New
	// refuses it for.
	Validate() error
}

// Resolution is what a Resolver has read from a request. It names a tenant by its
// identifier, by its id, or by both, which have to be one tenant's then.
type Resolution struct {
	// Identifier is what the tenant is called by now. It may have been another
	// tenant's when the request, or what it was made from, came into being.
	Identifier string
	// ID is the tenant's id, which no other tenant gets. A resolver that knows it
	// needs no identifier.
	ID tenancy.ID
	// Principal is who sent the request, where the resolver has proof of it,
	// such as the claims of a signed token. It is nil otherwise.
	Principal any
	// Path is the URL's path for the handler, where the resolver has taken the
	// tenant out of it. It is empty otherwise, and the path stays as it is.
	Path string
	// RawPath is the encoded form of Path where that is not the usual one, as
	// in [net/url.URL].
	RawPath string
}

// named reports whether the request names a tenant.
func (n Resolution) named() bool { return n.Identifier != "" || n.ID != "" }

// validate refuses a Resolution that names no tenant, or one that cannot be.
func (n Resolution) validate() error {
	if n.ID != "" {
		if err := n.ID.Validate(); err != nil || n.Identifier == "" {
			return err
		}
	}
	return tenancy.ValidateIdentifier(n.Identifier)
}

// ResolverFunc is a function as a Resolver. As nobody knows what it reads, its
// responses are kept out of caches by "Vary: *". Implement Resolver to say it.
type ResolverFunc func(r *http.Request) (Resolution, error)

// Resolve calls f.
func (f ResolverFunc) Resolve(r *http.Request) (Resolution, error) { return f(r) }

// Vary returns "*".
func (f ResolverFunc) Vary() []string { return []string{"*"} }

// Validate refuses a nil function.
func (f ResolverFunc) Validate() error {
	if f == nil {
		return errors.New("middleware: ResolverFunc: it is nil")
	}
	return nil
}
