package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/entenancy/tenancy"
)

// HeaderName is the header that a tenant's identifier travels in, unless an
// application has another.
const HeaderName = "X-Tenant-ID"

// Header returns a resolver that reads the identifier from a request header,
// as it is: "Acme" or "acme, acme" is no identifier. (net/http has taken away
// the spaces around it.) A header that is sent more than once has to say the
// same each time, and one that is sent empty is refused.
//
// New refuses a name that a header cannot have (RFC 9110 §5.1), and Host,
// which net/http keeps elsewhere.
func Header(name string) Resolver { return header{key: http.CanonicalHeaderKey(name)} }

// header is a header's name in the form that net/http files it under.
type header struct{ key string }

func (h header) Validate() error {
	if !isToken(h.key) {
		return errors.New("tenancy: middleware.Header: name: not a header's name")
	}
	if h.key == "Host" {
		return errors.New("tenancy: middleware.Header: name: the Host header is not among a request's headers")
	}
	return nil
}

func (h header) Resolve(r *http.Request) (Resolution, error) {
	return theOnly("the header", r.Header[h.key])
}

func (h header) Vary() []string { return []string{h.key} }

// theOnly is the Resolution to what has been sent in one place. It names no
// tenant if nothing has.
func theOnly(place string, sent []string) (Resolution, error) {
	if len(sent) == 0 {
		return Resolution{}, nil
	}
	for _, other := range sent[1:] {
		if other != sent[0] {
			return Resolution{}, fmt.Errorf("%w: %s was sent with different values", tenancy.ErrInvalidIdentifier, place)
		}
	}
	if sent[0] == "" {
		return Resolution{}, fmt.Errorf("%w: %s was sent empty", tenancy.ErrInvalidIdentifier, place)
	}
	return Resolution{Identifier: sent[0]}, nil
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
