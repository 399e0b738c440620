package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/entenancy/tenancy"
)

// First returns a resolver that goes by the first of several that names a
// tenant. One that refuses the request ends the search: what it found wrong is
// not made good by another.
//
//	middleware.First(middleware.Subdomain("example.com"), middleware.Host(domains))
//
// Who leaves out what one of them reads is taken by the next. So beside [JWT]
// nobody needs a token: who sends none names a tenant elsewhere, and behind a
// resolver that names one it is not even looked at. Use [Agree] there, or
// Config.Authorize, which lets nobody pass who has none.
//
// New refuses an empty list.
func First(resolvers ...Resolver) Resolver { return first{several{"First", slices.Clone(resolvers)}} }

type first struct{ several }

func (f first) Resolve(r *http.Request) (Resolution, error) {
	for _, resolver := range f.resolvers {
		if named, err := resolver.Resolve(r); err != nil || named.named() {
			return named, err
		}
	}
	return Resolution{}, nil
}

// Agree returns a resolver that asks several, and refuses a request if they name
// different tenants, or if one of them names none that is not [Optional]:
//
//	middleware.Agree(middleware.JWT(cfg), middleware.Optional(middleware.Subdomain("example.com")))
//
// Of one that knows the tenant's id and one that knows its identifier, the Gate
// finds out whether they agree. The principal is that of the first resolver that knows one, and the path that
// of the first that changes it.
//
// New refuses an empty list, and one in which all are Optional.
func Agree(resolvers ...Resolver) Resolver { return agree{several{"Agree", slices.Clone(resolvers)}} }

type agree struct{ several }

func (a agree) Validate() error {
	if err := a.several.Validate(); err != nil {
		return err
	}
	if !slices.ContainsFunc(a.resolvers, func(r Resolver) bool { return !isOptional(r) }) {
		return errors.New("middleware: Agree: resolvers: all are Optional")
	}
	return nil
}

func (a agree) Resolve(r *http.Request) (Resolution, error) {
	var agreed Resolution
	for _, resolver := range a.resolvers {
		named, err := resolver.Resolve(r)
		if err != nil {
			return Resolution{}, err
		}
		if !named.named() {
			if isOptional(resolver) {
				continue
			}
			return Resolution{}, fmt.Errorf("%w: it is not named everywhere it has to be", tenancy.ErrInvalidIdentifier)
		}
		if differ(agreed.Identifier, named.Identifier) || differ(agreed.ID, named.ID) {
			return Resolution{}, fmt.Errorf("%w: different ones are named", tenancy.ErrInvalidIdentifier)
		}
		agreed = merged(agreed, named)
	}
	return agreed, nil
}

// differ reports whether two names are known, and are not the same.
func differ[N ~string](a, b N) bool { return a != "" && b != "" && a != b }

func merged(a, b Resolution) Resolution {
	a.Identifier, a.ID = cmp.Or(a.Identifier, b.Identifier), cmp.Or(a.ID, b.ID)
	if somebody(a.Principal) == nil {
		a.Principal = b.Principal
	}
	if a.Path == "" {
		a.Path, a.RawPath = b.Path, b.RawPath
	}
	return a
}

// Optional returns the resolver, marked for [Agree] as one that need not name a
// tenant. Elsewhere the mark means nothing.
func Optional(resolver Resolver) Resolver { return optional{resolver} }

type optional struct{ Resolver }

func (o optional) Validate() error {
	if o.Resolver == nil {
		return errors.New("middleware: Optional: resolver is nil")
	}
	return o.Resolver.Validate()
}

func isOptional(r Resolver) bool {
	_, ok := r.(optional)
	return ok
}

// several is what combinations of resolvers have in common.
type several struct {
	name      string
	resolvers []Resolver
}

func (s several) Validate() error {
	if len(s.resolvers) == 0 {
		return fmt.Errorf("middleware: %s: resolvers: there are none", s.name)
	}
	for i, resolver := range s.resolvers {
		if resolver == nil {
			return fmt.Errorf("middleware: %s: resolvers: number %d is nil", s.name, i+1)
		}
		if err := resolver.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// Vary returns what any of them reads, once.
func (s several) Vary() []string {
	var all []string
	for _, resolver := range s.resolvers {
		all = union(all, resolver.Vary())
	}
	return all
}
