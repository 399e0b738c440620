package middleware

import (
	"fmt"
	"net/http"
	urlpath "path"
)

// excluded knows the requests that need no tenant.
type excluded struct{ mux *http.ServeMux }

// newExcluded returns nil if there are none.
func newExcluded(patterns []string) (made *excluded, err error) {
	if len(patterns) == 0 {
		return nil, nil
	}
	e := &excluded{mux: http.NewServeMux()}
	for _, pattern := range patterns {
		if err := e.add(pattern); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// add makes an error of the panic that a mux refuses a pattern with.
func (e *excluded) add(pattern string) (err error) {
	defer func() {
		if refused := recover(); refused != nil {
			err = fmt.Errorf("tenancy: middleware: Config.Excluded: %v", refused)
		}
	}()
	e.mux.Handle(pattern, e)
	return nil
}

// has reports whether the request is for one of the patterns. Where a mux would
// redirect to a path that is, it is not: what the handler would be given then
// is the path before. Nor is it where the dots are escaped: a mux leaves them,
// and a router behind it may not.
func (e *excluded) has(r *http.Request) bool {
	if e == nil || !isShortest(r.URL.Path) {
		return false
	}
	h, _ := e.mux.Handler(r)
	return h == e
}

// isShortest reports whether the path has no empty segment and none of dots.
func isShortest(p string) bool {
	clean := urlpath.Clean(p)
	return p == clean || clean != "/" && p == clean+"/"
}

// ServeHTTP makes e the mark in the mux. It is never called.
func (e *excluded) ServeHTTP(http.ResponseWriter, *http.Request) {}
