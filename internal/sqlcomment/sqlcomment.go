// Package sqlcomment writes a tenant's id into a statement as a comment, in the
// format of sqlcommenter, and finds it there again.
package sqlcomment

import "strings"

const (
	opening = " /*tenant='"
	closing = "'*/"
	// ending is what a comment stands ahead of: not every server takes one after
	// the semicolon.
	ending = "; \t\r\n"
)

// Append returns the statement with the id in a comment at its end. The id is
// percent-encoded but for letters, digits, '-', '.', '_' and '~', and so cannot
// end the comment, open another, or be taken for a placeholder.
func Append(query, id string) string {
	end := len(strings.TrimRight(query, ending))
	var b strings.Builder
	b.Grow(len(query) + len(opening) + len(id) + len(closing))
	b.WriteString(query[:end])
	b.WriteString(opening)
	for i := range len(id) {
		if c := id[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	b.WriteString(closing)
	b.WriteString(query[end:])
	return b.String()
}

// unreserved is as RFC 3986 section 2.3 has it.
func unreserved(c byte) bool {
	switch {
	case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	return c == '-' || c == '.' || c == '_' || c == '~'
}

// Cut returns the statement without what Append has added, and whether it did.
func Cut(query string) (bare string, found bool) {
	end := len(strings.TrimRight(query, ending))
	head, ok := strings.CutSuffix(query[:end], closing)
	if !ok {
		return query, false
	}
	start := strings.LastIndex(head, opening)
	if start < 0 {
		return query, false
	}
	for _, c := range []byte(head[start+len(opening):]) {
		if !unreserved(c) && c != '%' {
			return query, false
		}
	}
	return query[:start] + query[end:], true
}
