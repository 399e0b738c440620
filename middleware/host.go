package middleware

import (
	"fmt"
	"strings"

	"github.com/entenancy/tenancy"
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
	name, ok := lower(strings.TrimSuffix(name, "."))
	if !ok {
		return "", fmt.Errorf("%w: the host is no domain name", tenancy.ErrInvalidIdentifier)
	}
	return name, nil
}

// maxDomain is the length of the longest domain name as text (RFC 1035 §2.3.4).
const maxDomain = 253

// lower returns a domain name in lower case. It reports false for what is none:
// labels of letters, digits, hyphens and, in networks of one's own, underscores,
// which hyphens do not begin or end (RFC 1123 §2.1). Names in other scripts are
// in their ASCII form (punycode).
func lower(name string) (string, bool) {
	if len(name) > maxDomain {
		return "", false
	}
	label := 0 // where it begins
	for i := 0; i <= len(name); i++ {
		switch {
		case i == len(name) || name[i] == '.':
			if !isLabel(name[label:i]) && name != "" {
				return "", false
			}
			label = i + 1
		case !isLetter(name[i]) && !isDigit(name[i]) && name[i] != '-' && name[i] != '_':
			return "", false
		}
	}
	return strings.ToLower(name), true
}

// isLabel reports whether a string of such characters is a label.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
