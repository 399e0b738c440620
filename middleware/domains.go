package middleware

import (
	"context"
	"errors"
	"net/http"

	"github.com/entenancy/tenancy"
)

// DomainLookup finds out whose a domain is that a tenant has brought along. It
// must be safe for concurrent use.
type DomainLookup interface {
	// IdentifierByDomain returns the identifier of the tenant that has the
	// domain, which is in lower case, without port and without a dot at the end,
	// and empty if the request has none that could be. It fails with
	// [tenancy.ErrNotFound] if no tenant has it. Any other error means that
	// nobody can say.
	IdentifierByDomain(ctx context.Context, domain string) (string, error)
}

// DomainIDLookup is a [DomainLookup] that knows the ids of tenants. [Host] asks it
// for nothing else then: a tenant keeps its domains when it is renamed, and
// whoever takes its old identifier does not get them. The domains of the registry
// implement it.
type DomainIDLookup interface {
	DomainLookup
	// IDByDomain returns the id of the tenant that has the domain. What it is
	// given, and its errors, are those of IdentifierByDomain.
	IDByDomain(ctx context.Context, domain string) (tenancy.ID, error)
}

// Host returns a resolver that looks up whose the host's domain is, in addition
// to the lookup of the tenant: give it a lookup that caches. A domain has to be
// shown to be the tenant's before it is kept, as by a record in its DNS.
//
// A host that is no tenant's names none. It is looked up whatever the host is,
// and only a lookup that caches answers sooner for some, as [Gate.Admit] says.
//
// A lookup that is no [DomainIDLookup] has to be as new as the one that the Gate
// finds tenants in: if an identifier has gone from one tenant to another, and one
// of the two knows and the other does not, the host leads to the wrong one. New
// refuses a nil lookup.
func Host(domains DomainLookup) Resolver { return byDomain{domains} }

type byDomain struct{ domains DomainLookup }

func (d byDomain) Validate() error {
	if d.domains == nil {
		return errors.New("middleware: Host: domains is nil")
	}
	return nil
}

func (d byDomain) Resolve(r *http.Request) (Resolution, error) {
	domain, malformed := hostname(r.Host)
	named, err := d.whose(r.Context(), domain)
	switch {
	case errors.Is(err, tenancy.ErrNotFound):
		return Resolution{}, malformed
	case err != nil:
		return Resolution{}, &unavailable{err}
	case malformed != nil:
		return Resolution{}, malformed
	case domain == "":
		return Resolution{}, nil // the lookup may have a default
	default:
		return named, nil
	}
}

func (d byDomain) whose(ctx context.Context, domain string) (Resolution, error) {
	if domains, ok := d.domains.(DomainIDLookup); ok {
		id, err := domains.IDByDomain(ctx, domain)
		return Resolution{ID: id}, err
	}
	identifier, err := d.domains.IdentifierByDomain(ctx, domain)
	return Resolution{Identifier: identifier}, err
}

func (d byDomain) Vary() []string { return nil }

// unavailable is an error that means that nobody could say, whatever it is.
type unavailable struct{ error }

func (u *unavailable) Is(target error) bool { return target == tenancy.ErrUnavailable }

func (u *unavailable) Unwrap() error { return u.error }
