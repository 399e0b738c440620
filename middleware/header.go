package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/entenancy/tenancy"
)

// HeaderName is the header that a tenant's identifier travels in, unless an
// application has another.
const HeaderName = "X-Tenant-ID"

// UIDHeaderName is the header that a tenant's id travels in, beside its
// identifier in another. The id is escaped as in a URL's path
// ([net/url.PathEscape]), which changes nothing of a UUID.
const UIDHeaderName = "X-Tenancy-Uid"

// Header returns a resolver that reads the identifier from a request header,
// as it is: "Acme" or "acme, acme" is no identifier. (net/http has taken away
// the spaces around it.) A header that is sent more than once has to say the
// same each time, and one that is sent empty is refused.
//
// A client that knows the tenant's id sends it in the header [UIDHeaderName], as
// those of RPC do. The request is refused then if the identifier has become
// another tenant's. An id without identifier names nobody, so that it is enough
// for a gateway to look after one header.
//
// New refuses a name that a header cannot have (RFC 9110 §5.1), Host, which
// net/http keeps elsewhere, and UIDHeaderName.
func Header(name string) Resolver { return header{key: http.CanonicalHeaderKey(name)} }

// header is a header's name in the form that net/http files it under.
type header struct{ key string }

func (h header) Validate() error {
	if !isToken(h.key) {
		return errors.New("middleware: Header: name: not a header's name")
	}
	if h.key == "Host" {
		return errors.New("middleware: Header: name: the Host header is not among a request's headers")
	}
	if h.key == UIDHeaderName {
		return errors.New("middleware: Header: name: it is the header of the tenant's id")
	}
	return nil
}

func (h header) Resolve(r *http.Request) (Resolution, error) {
	named, err := theOnly("the header", r.Header[h.key])
	if err != nil || named.Identifier == "" {
		return Resolution{}, err
	}
	if named.ID, err = uid(r.Header[UIDHeaderName]); err != nil {
		return Resolution{}, err
	}
	return named, nil
}

func (h header) Vary() []string { return []string{h.key, UIDHeaderName} }

// uid returns the id that was sent, nothing if none was.
func uid(sent []string) (tenancy.ID, error) {
	escaped, err := only("the id's header", sent)
	if err != nil {
		return "", err
	}
	id, err := url.PathUnescape(escaped)
	if err != nil { // its text repeats what was sent
		return "", fmt.Errorf("%w: the id's header is not escaped as in a URL", tenancy.ErrInvalidID)
	}
	return tenancy.ID(id), nil
}

// theOnly is the Resolution to what has been sent in one place. It names no
// tenant if nothing has.
func theOnly(place string, sent []string) (Resolution, error) {
	identifier, err := only(place, sent)
	return Resolution{Identifier: identifier}, err
}

// only returns what has been sent in one place, and nothing if nothing has.
func only(place string, sent []string) (string, error) {
	if len(sent) == 0 {
		return "", nil
	}
	for _, other := range sent[1:] {
		if other != sent[0] {
			return "", fmt.Errorf("%w: %s was sent with different values", tenancy.ErrInvalidIdentifier, place)
		}
	}
	if sent[0] == "" {
		return "", fmt.Errorf("%w: %s was sent empty", tenancy.ErrInvalidIdentifier, place)
	}
	return sent[0], nil
}

// isToken reports whether s is a token of RFC 9110 §5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		if !letter && !digit && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}
