// Package domainname tells domain names from other texts.
package domainname

import "strings"

// Max is the length of the longest domain name as text (RFC 1035 §2.3.4).
const Max = 253

// Lower returns a domain name in lower case. It reports false for what is none:
// labels of letters, digits, hyphens and, in networks of one's own, underscores,
// which hyphens do not begin or end (RFC 1123 §2.1). Names in other scripts are
// in their ASCII form (punycode). The empty name is one.
func Lower(name string) (string, bool) {
	if len(name) > Max {
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

// IsAddress reports whether a domain name is rather an IPv4 address: its last
// label is a number, which no top-level domain is.
func IsAddress(name string) bool {
	return name != "" && strings.Trim(name[strings.LastIndexByte(name, '.')+1:], "0123456789") == ""
}

// isLabel reports whether a string of such characters is a label.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-'
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
