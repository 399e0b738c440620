package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/domainname"
)

// Subdomain returns a resolver that reads the identifier from the host:
// acme.example.com is acme's where suffix is "example.com". Upper and lower
// case, a port and a dot at the end make no difference.
//
// A host names no tenant if it is the suffix itself, one of the reserved
// subdomains, which are "www", "api" and those given here, an address, or any
// host that is not below the suffix. One that is more than a label below it, or
// whose label is in punycode and so looks like another, is refused.
//
// New refuses a suffix that is no domain name. Names in other scripts are given
// in punycode.
func Subdomain(suffix string, reserved ...string) Resolver {
	s := subdomain{reserved: slices.Concat([]string{"www", "api"}, reserved)}
	if name, ok := domainname.Lower(strings.TrimPrefix(suffix, ".")); ok && name != "" {
		s.suffix = "." + name
	}
	return s
}

type subdomain struct {
	suffix   string // with its dot; empty if it cannot be
	reserved []string
}

func (s subdomain) Validate() error {
	if s.suffix == "" {
		return errors.New("middleware: Subdomain: suffix: not a domain name")
	}
	for _, label := range s.reserved {
		if name, ok := domainname.Lower(label); !ok || name != label || label == "" || strings.Contains(label, ".") {
			return fmt.Errorf("middleware: Subdomain: reserved: %q is not one label in lower case", label)
		}
	}
	return nil
}

func (s subdomain) Resolve(r *http.Request) (Resolution, error) {
	name, err := hostname(r.Host)
	if err != nil {
		return Resolution{}, err
	}
	label, below := strings.CutSuffix(name, s.suffix)
	switch {
	case !below || slices.Contains(s.reserved, label):
		return Resolution{}, nil
	case strings.Contains(label, "."):
		return Resolution{}, fmt.Errorf("%w: the host is more than one label below the suffix", tenancy.ErrInvalidIdentifier)
	case strings.HasPrefix(label, "xn--"):
		return Resolution{}, fmt.Errorf("%w: the host's label is in punycode", tenancy.ErrInvalidIdentifier)
	}
	return Resolution{Identifier: label}, nil
}

func (s subdomain) Vary() []string { return nil }
