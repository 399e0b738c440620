package middleware

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// Problem is what a problem document (RFC 9457) says. It is the same for every
// request, so there is no way to put something of a request into it.
type Problem struct {
	// Type is a URI that identifies the kind of problem. Defaults to
	// "about:blank", which says that the status is all there is to it.
	Type string `json:"type"`
	// Title says what Type means. Defaults to the words of the status.
	Title string `json:"title"`
	// Status is the status code of the response.
	Status int `json:"status"`
	// Detail says more.
	Detail string `json:"detail"`
}

// or returns p with its empty fields taken from defaults.
func (p Problem) or(defaults Problem) Problem {
	p.Status = cmp.Or(p.Status, defaults.Status)
	p.Type = cmp.Or(p.Type, "about:blank")
	p.Title = cmp.Or(p.Title, http.StatusText(p.Status))
	p.Detail = cmp.Or(p.Detail, defaults.Detail)
	return p
}

// answer is a response that is always the same.
type answer struct {
	status int
	length string
	body   []byte
}

// newAnswer returns the problem as an answer. The status has to be of the
// class (4 or 5), so that no client takes it for a success.
func newAnswer(field string, p Problem, class int) (answer, error) {
	if p.Status/100 != class {
		return answer{}, fmt.Errorf("tenancy: middleware.New: Config.%s.Status: %d is not a %dxx status", field, p.Status, class)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return answer{}, fmt.Errorf("tenancy: middleware.New: Config.%s: %w", field, err)
	}
	return answer{status: p.Status, length: strconv.Itoa(len(body)), body: body}, nil
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", a.length)
	h.Set("Cache-Control", "no-store") // it may be different as soon as the tenant is active
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // nobody is left to tell
}
