package middleware

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/entenancy/tenancy"
)

// Path returns a resolver that reads the identifier from the path: /t/acme/orders
// is acme's where prefix is "/t". An empty prefix means that the path begins
// with the identifier.
//
// The handler gets what is left of the path, here "/orders", and "/" if nothing
// is, as with [http.StripPrefix]. A redirect that it answers with has to have
// the beginning again: [net/http.ServeMux] makes some by itself, for paths that
// it would clean, and for "/orders" where it knows "/orders/".
//
// A path that does not begin with the prefix names no tenant. One that can be
// understood in two ways is refused: whose beginning has escapes in it, whose
// remainder begins with "//", which a browser would take for a host, or that has a "." or ".." between slashes,
// escaped or not, wherever. Clients take those out before they send a path
// (RFC 3986 §5.2.4).
//
// New refuses a prefix that has to be escaped, or has empty segments.
func Path(prefix string) Resolver {
	prefix = strings.Trim(prefix, "/")
	if prefix == "" {
		return path{prefix: "/"}
	}
	return path{prefix: "/" + prefix + "/"}
}

type path struct{ prefix string } // from slash to slash

func (p path) Validate() error {
	if (&url.URL{Path: p.prefix}).EscapedPath() != p.prefix || strings.Contains(p.prefix, "//") || hasDots(p.prefix) {
		return errors.New("middleware: Path: prefix: not a path in its plainest form")
	}
	return nil
}

func (p path) Resolve(r *http.Request) (Resolution, error) {
	below, ok := strings.CutPrefix(r.URL.Path, p.prefix)
	if !ok {
		return Resolution{}, nil
	}
	identifier, rest := cutSegment(below)
	named := Resolution{Identifier: identifier, Path: rest}
	if r.URL.RawPath != "" {
		raw, ok := strings.CutPrefix(r.URL.RawPath, p.prefix+identifier)
		if !ok || raw != "" && raw[0] != '/' {
			return Resolution{}, fmt.Errorf("%w: the path has it escaped", tenancy.ErrInvalidIdentifier)
		}
		_, named.RawPath = cutSegment(raw)
	}
	if identifier == "" || isHost(rest) {
		return Resolution{}, fmt.Errorf("%w: the path has an empty segment beside it", tenancy.ErrInvalidIdentifier)
	}
	if hasDots(r.URL.Path) {
		return Resolution{}, fmt.Errorf("%w: the path has a segment of dots", tenancy.ErrInvalidIdentifier)
	}
	return named, nil
}

func (p path) Vary() []string { return nil }

// cutSegment returns the path up to the next slash, and the rest from it on.
func cutSegment(s string) (segment, rest string) {
	slash := strings.IndexByte(s, '/')
	if slash < 0 {
		return s, "/"
	}
	return s[:slash], s[slash:]
}

// isHost reports whether a browser that is redirected to the path goes to
// another host.
func isHost(path string) bool { return len(path) > 1 && (path[1] == '/' || path[1] == '\\') }

// hasDots reports whether a segment of the path is "." or "..".
func hasDots(path string) bool {
	for more := strings.Contains(path, "."); more; {
		var segment string
		segment, path, more = strings.Cut(path, "/")
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// setPath gives a request that is the Gate's own another path.
func setPath(own *http.Request, path, raw string) {
	u := *own.URL
	u.Path, u.RawPath = path, raw
	own.URL = &u
}
