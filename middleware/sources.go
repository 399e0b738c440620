package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/entenancy/tenancy"
)

// Cookie returns a resolver that reads the identifier from a cookie. A cookie
// that is sent more than once has to say the same each time, and one that is
// sent empty is refused. Who can write a cookie on another subdomain chooses the
// tenant: bind callers to tenants with Config.Authorize.
//
// New refuses a name that a cookie cannot have (RFC 6265 §4.1.1).
func Cookie(name string) Resolver { return cookie{name} }

type cookie struct{ name string }

func (c cookie) Validate() error {
	if !isToken(c.name) {
		return errors.New("middleware: Cookie: name: not a cookie's name")
	}
	return nil
}

func (c cookie) Resolve(r *http.Request) (Resolution, error) {
	var sent []string
	for _, one := range r.CookiesNamed(c.name) {
		sent = append(sent, one.Value)
	}
	return theOnly("the cookie", sent)
}

func (c cookie) Vary() []string { return []string{"Cookie"} }

// Query returns a resolver that reads the identifier from a parameter of the
// URL's query, and never from a form in the body. A parameter that is sent more
// than once has to say the same each time; one that is sent empty is refused,
// and so is a query that is malformed anywhere. URLs end up in logs and in other
// sites' Referer headers, and the tenant with them.
//
// New refuses an empty name.
func Query(name string) Resolver { return query{name} }

type query struct{ name string }

func (q query) Validate() error {
	if q.name == "" {
		return errors.New("middleware: Query: name: it is empty")
	}
	return nil
}

func (q query) Resolve(r *http.Request) (Resolution, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil { // its text repeats the query
		return Resolution{}, fmt.Errorf("%w: the query is malformed", tenancy.ErrInvalidIdentifier)
	}
	return theOnly("the parameter", values[q.name])
}

func (q query) Vary() []string { return nil }
