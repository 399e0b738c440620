package middleware

import (
	"fmt"
	"net/http"
	urlpath "path"
)

// excluded knows the requests that need no tenant. It has a mux for each
// pattern: one mux would refuse two of which neither is a part of the other,
// such as "OPTIONS /" and "/docs/".
type excluded []*http.ServeMux

func newExcluded(patterns []string) (excluded, error) {
	var e excluded
	for _, pattern := range patterns {
		mux, err := muxOf(pattern)
		if err != nil {
			return nil, err
		}
		e = append(e, mux)
	}
	return e, nil
}

// muxOf makes an error of the panic that a mux refuses a pattern with.
func muxOf(pattern string) (mux *http.ServeMux, err error) {
	defer func() {
		if refused := recover(); refused != nil {
			mux, err = nil, fmt.Errorf("middleware: Config.Excluded: %v", refused)
		}
	}()
	mux = http.NewServeMux()
	mux.Handle(pattern, mark{})
	return mux, nil
}

// has reports whether the request is for one of the patterns. Where a mux would
// redirect to a path that is, it is not: what the handler would be given then
// is the path before. Nor is it where the dots are escaped: a mux leaves them,
// and a router behind it may not.
func (e excluded) has(r *http.Request) bool {
	if len(e) == 0 || !isShortest(r.URL.Path) {
		return false
	}
	for _, mux := range e {
		if h, _ := mux.Handler(r); h == (mark{}) {
			return true
		}
	}
	return false
}

// isShortest reports whether the path has no empty segment and none of dots.
func isShortest(p string) bool {
	clean := urlpath.Clean(p)
	return p == clean || clean != "/" && p == clean+"/"
}

// mark is what a mux finds for its pattern. It is never called.
type mark struct{}

// ServeHTTP implements [http.Handler].
func (mark) ServeHTTP(http.ResponseWriter, *http.Request) {}
