package middleware

import (
	"net/http"
	"net/url"
)

// rewritten is a request with a URL of its own, both in one allocation.
type rewritten struct {
	request http.Request
	url     url.URL
}

// withPath returns a copy of the request with another path.
func withPath(r *http.Request, path, raw string) *http.Request {
	n := &rewritten{request: *r, url: *r.URL}
	n.url.Path, n.url.RawPath = path, raw
	n.request.URL = &n.url
	return &n.request
}
