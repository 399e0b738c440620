package middleware

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// Admission is what a Gate has decided about a request.
type Admission struct {
	// Request is what the handler gets, with the tenant in its context and
	// without the tenant in its path. For an excluded path it is the request as
	// it came. It is nil if the request is refused.
	Request *http.Request
	// Tenant is for whom the request is served. It is zero if the request is
	// refused, and for an excluded path.
	Tenant tenancy.Tenant
	// Refusal says how the request is answered instead, nil if it is served.
	Refusal *Refusal

	own   *http.Request // the Gate's, also if it is refused
	vary  []string
	limit ratelimit.Result
}

// Reason is why a request is refused, as far as the client may know it.
type Reason int

// The reasons.
const (
	// ReasonNotFound means that there is no tenant that the request could be
	// for, or none that the caller may know about.
	ReasonNotFound Reason = iota
	// ReasonSuspended means that the tenant is suspended. Only its members are told.
	ReasonSuspended
	// ReasonLimited means that the tenant or the client has sent too many requests.
	ReasonLimited
	// ReasonUnavailable means that nobody could say.
	ReasonUnavailable
)

// Refusal is how a request is answered that is not served.
type Refusal struct {
	// Reason is what a protocol with codes of its own makes one from.
	Reason Reason
	// Err is the true reason. It is for logs and never for the client.
	Err error
	// RetryAfter is how long the client has to wait, for ReasonLimited.
	RetryAfter time.Duration

	tenant tenancy.Tenant
	answer *answer
}

// Problem returns what the client is told.
func (r *Refusal) Problem() Problem { return r.answer.problem }

// Body returns the problem document as JSON, of the type
// "application/problem+json". It is the caller's to change.
func (r *Refusal) Body() []byte { return slices.Clone(r.answer.body) }

// Header returns the headers that go on the response: all of a refusal's; and
// beside the handler's own, to whose they are added, those of a request that is
// served. It is the caller's to change.
func (a *Admission) Header() http.Header {
	h := http.Header{}
	a.addHeader(h)
	for name, values := range h {
		h[name] = slices.Clone(values)
	}
	return h
}

// Outcome returns what becomes of the request.
func (a *Admission) Outcome() tenancy.Outcome {
	if a.Refusal == nil {
		return tenancy.OutcomeServed
	}
	switch a.Refusal.Reason {
	case ReasonLimited:
		return tenancy.OutcomeLimited
	case ReasonUnavailable:
		return tenancy.OutcomeUnavailable
	default:
		return tenancy.OutcomeRefused
	}
}

// addHeader adds to the headers of a response.
func (a *Admission) addHeader(h http.Header) {
	addVary(h, a.vary)
	addLimit(h, a.limit)
	if a.Refusal == nil {
		return
	}
	a.Refusal.answer.setHeader(h)
	if a.Refusal.Reason == ReasonLimited {
		h.Set("Retry-After", seconds(max(a.Refusal.RetryAfter, 1)))
	}
}

// seconds rounds up to whole ones (RFC 9110 §10.2.3): who comes back then is
// not too early.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// addVary shares one slice between all responses, which saves each of them an
// allocation. Its capacity is used up, so that who appends to it gets a copy.
func addVary(h http.Header, vary []string) {
	if len(vary) == 0 {
		return
	}
	if had := h["Vary"]; len(had) > 0 {
		h["Vary"] = append(slices.Clip(had), vary...)
		return
	}
	h["Vary"] = vary
}

func (a *Admission) found() tenancy.Tenant {
	if a.Refusal != nil {
		return a.Refusal.tenant
	}
	return a.Tenant
}

func (a *Admission) err() error {
	if a.Refusal != nil {
		return a.Refusal.Err
	}
	return nil
}
