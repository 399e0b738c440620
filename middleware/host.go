package middleware

import (
	"fmt"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/domainname"
)

// hostname returns the domain name that a Host header asks for, in lower case,
// without port and without the dot that can end it. It is empty where there is
// none: no host, or an IPv6 address.
func hostname(host string) (string, error) {
	if strings.HasPrefix(host, "[") { // IPv6
		return "", nil
	}
	name, port, _ := strings.Cut(host, ":")
	if strings.Trim(port, "0123456789") != "" {
		return "", fmt.Errorf("%w: the host has a port that is none", tenancy.ErrInvalidIdentifier)
	}
	name, ok := domainname.Lower(strings.TrimSuffix(name, "."))
	if !ok {
		return "", fmt.Errorf("%w: the host is no domain name", tenancy.ErrInvalidIdentifier)
	}
	return name, nil
}
