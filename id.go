package tenancy

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ID is a tenant's identity: the value in the tenant column of its rows. It
// never changes. The registry makes UUIDv7 texts; any text that Validate
// accepts will do. IDs are compared byte by byte.
type ID string

// MaxIDLength is the length of the narrowest column an ID is stored in, in characters.
const MaxIDLength = 255

// Validate reports whether the id can be stored and compared on every
// supported database: 1 to 255 characters of valid UTF-8, no control
// characters (PostgreSQL refuses NUL) and no space at either end (MySQL's
// PAD SPACE collations ignore it). The error is [ErrInvalidID].
func (id ID) Validate() error {
	s := string(id)
	switch {
	case usual(s):
		return nil
	case s == "":
		return fmt.Errorf("%w: it is empty", ErrInvalidID)
	case len(s) > MaxIDLength*utf8.UTFMax || utf8.RuneCountInString(s) > MaxIDLength:
		return fmt.Errorf("%w: it is longer than %d characters", ErrInvalidID, MaxIDLength)
	case !utf8.ValidString(s):
		return fmt.Errorf("%w: it is not valid UTF-8", ErrInvalidID)
	case strings.IndexFunc(s, unicode.IsControl) >= 0:
		return fmt.Errorf("%w: it has a control character", ErrInvalidID)
	case strings.TrimSpace(s) != s:
		return fmt.Errorf("%w: it begins or ends with a space", ErrInvalidID)
	}
	return nil
}

// usual reports whether an ID has nothing that could be wrong: it is asked for each
// request, and nearly all are UUIDs.
func usual(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= MaxIDLength
}

// Bounds of an identifier's length, in bytes. 63 is the longest DNS label
// (RFC 1035 §2.3.4), so that an identifier can be a subdomain.
const (
	minIdentifierLength = 3
	maxIdentifierLength = 63
)

// ValidateIdentifier reports whether s can be a tenant's identifier, the name
// that URLs and headers carry: 3 to 63 characters, lower-case letters, digits
// and hyphens, a letter first, no hyphen last. The error is
// [ErrInvalidIdentifier] and never repeats s, which may come from a stranger.
func ValidateIdentifier(s string) error {
	if len(s) < minIdentifierLength || len(s) > maxIdentifierLength {
		return fmt.Errorf("%w: it must have %d to %d characters", ErrInvalidIdentifier, minIdentifierLength, maxIdentifierLength)
	}
	for i := range len(s) {
		if c := s[i]; !isLower(c) && !isDigit(c) && c != '-' {
			return fmt.Errorf("%w: only a-z, 0-9 and '-' are allowed", ErrInvalidIdentifier)
		}
	}
	if !isLower(s[0]) {
		return fmt.Errorf("%w: it must begin with a letter", ErrInvalidIdentifier)
	}
	if s[len(s)-1] == '-' {
		return fmt.Errorf("%w: it must not end with '-'", ErrInvalidIdentifier)
	}
	return nil
}

func isLower(c byte) bool { return 'a' <= c && c <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
