package middleware

import (
	"errors"
	"strings"
)

var errForwarded = errors.New("middleware: the forwarded headers are malformed or say different things")

// parseForwarded reads Forwarded headers (RFC 7239 §4), one hop for each element.
func parseForwarded(sent []string) ([]hop, error) {
	var hops []hop
	for _, line := range sent {
		rest := line
		for more := true; more; {
			var element hop
			var err error
			if element, rest, more, err = parseElement(rest); err != nil {
				return nil, err
			}
			hops = append(hops, element)
		}
	}
	return hops, nil
}

// parseElement reads up to the next comma, and reports whether there was one.
func parseElement(s string) (element hop, rest string, more bool, err error) {
	for {
		name, value, rest, err := parsePair(s)
		if err != nil {
			return hop{}, "", false, err
		}
		switch strings.ToLower(name) {
		case "for":
			element.addr = parseAddr(value)
		case "host":
			element.host = value
		}
		switch {
		case rest == "":
			return element, "", false, nil
		case rest[0] == ',':
			return element, rest[1:], true, nil
		case rest[0] != ';':
			return hop{}, "", false, errForwarded
		}
		s = rest[1:]
	}
}

// parsePair reads name=value, where the value can be quoted. A pair can be left out.
func parsePair(s string) (name, value, rest string, err error) {
	s = strings.TrimLeft(s, " \t")
	if s == "" || s[0] == ',' || s[0] == ';' {
		return "", "", s, nil
	}
	name, s, ok := strings.Cut(s, "=")
	if !ok || !isToken(name) {
		return "", "", "", errForwarded
	}
	if s != "" && s[0] == '"' {
		value, rest, ok = parseQuoted(s[1:])
	} else {
		end := strings.IndexAny(s, ",; \t")
		if end < 0 {
			end = len(s)
		}
		value, rest, ok = s[:end], s[end:], isNode(s[:end])
	}
	if !ok {
		return "", "", "", errForwarded
	}
	return name, value, strings.TrimLeft(rest, " \t"), nil
}

// isNode reports whether s can stand without quotes. Many proxies leave them
// away from host:port, which has a colon and is no token.
func isNode(s string) bool { return isToken(strings.ReplaceAll(s, ":", "")) }

// parseQuoted reads a quoted-string (RFC 9110 §5.6.4) after its first quote.
func parseQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			i++
			if i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
