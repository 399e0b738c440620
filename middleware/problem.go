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
	problem Problem
	length  string
	body    []byte
}

// newAnswer returns the problem as an answer. The status has to be of the
// class (4 or 5), so that no client takes it for a success.
func newAnswer(field string, p Problem, class int) (answer, error) {
	if p.Status/100 != class {
		return answer{}, fmt.Errorf("middleware: Config.%s.Status: %d is not a %dxx status", field, p.Status, class)
	}
	body, err := json.Marshal(p)
	if err != nil {
		return answer{}, fmt.Errorf("middleware: Config.%s: %w", field, err)
	}
	return answer{problem: p, length: strconv.Itoa(len(body)), body: body}, nil
}

func (a *answer) setHeader(h http.Header) {
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", a.length)
	h.Set("Cache-Control", "no-store") // it may be different as soon as the tenant is active
	h.Set("X-Content-Type-Options", "nosniff")
}

// answers are one for each Reason.
type answers [4]answer

func (a *answers) to(reason Reason) *answer { return &a[reason] }

// newAnswers returns what cfg says, and what it leaves open by default.
func newAnswers(cfg Config) (answers, error) {
	var all answers
	for _, one := range []struct {
		reason   Reason
		field    string
		problem  Problem
		defaults Problem
		class    int
	}{
		{ReasonNotFound, "NotFound", cfg.NotFound, Problem{Status: http.StatusNotFound, Detail: "tenant not found"}, 4},
		{ReasonSuspended, "Suspended", cfg.Suspended, Problem{Status: http.StatusForbidden, Detail: "the tenant is suspended"}, 4},
		{ReasonLimited, "Limited", cfg.Limited, Problem{Status: http.StatusTooManyRequests, Detail: "too many requests"}, 4},
		{
			ReasonUnavailable, "Unavailable", cfg.Unavailable,
			Problem{Status: http.StatusServiceUnavailable, Detail: "the tenant cannot be looked up at the moment"},
			5,
		},
	} {
		made, err := newAnswer(one.field, one.problem.or(one.defaults), one.class)
		if err != nil {
			return answers{}, err
		}
		all[one.reason] = made
	}
	return all, nil
}
