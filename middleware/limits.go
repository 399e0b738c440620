package middleware

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// Limiter holds tenants to limits. [ratelimit.Tenants] is one.
type Limiter interface {
	// Allow counts one request of the tenant, unless it is one too many. An
	// error means that nobody can say; the request is not served then.
	Allow(ctx context.Context, tenant tenancy.Tenant) (ratelimit.Result, error)
}

// ClientLimiter holds clients to a limit. [ratelimit.Clients] is one.
type ClientLimiter interface {
	// Allow counts one request from the address, unless it is one too many.
	Allow(ctx context.Context, client netip.Addr) (ratelimit.Result, error)
}

// limit counts the request for its tenant. The Refusal is nil if it may be served.
func (g *Gate) limit(r *http.Request, tenant tenancy.Tenant) (ratelimit.Result, *Refusal) {
	if g.limiter == nil {
		return ratelimit.Result{}, nil
	}
	result, err := g.limiter.Allow(r.Context(), tenant)
	switch {
	case err != nil:
		return ratelimit.Result{}, g.fail(r, "limiter failed", err).Refusal
	case !result.Allowed:
		refusal := g.refusal(ReasonLimited, tenant, limitedError{}).Refusal
		refusal.RetryAfter = result.RetryAfter
		return result, refusal
	default:
		return result, nil
	}
}

// addLimit adds to the headers of a response what is left of a tenant's limit:
// the fields of draft-ietf-httpapi-ratelimit-headers, and those of its drafts up
// to the seventh, which most clients know.
func addLimit(h http.Header, result ratelimit.Result) {
	if result.Limit == 0 {
		return
	}
	limit, remaining, reset := strconv.Itoa(result.Limit), strconv.Itoa(result.Remaining), seconds(result.ResetAfter)
	h.Set("RateLimit-Policy", `"tenant";q=`+limit)
	h.Set("RateLimit", `"tenant";r=`+remaining+";t="+reset)
	h.Set("RateLimit-Limit", limit)
	h.Set("RateLimit-Remaining", remaining)
	h.Set("RateLimit-Reset", reset)
}

// probes holds clients to a limit of requests for tenants that are not there.
type probes struct {
	limiter ClientLimiter
	blocked *lru.Cache[netip.Prefix, time.Time] // until when
}

// maxBlocked is how many clients are remembered to be over the limit. One that
// is forgotten is found to be with its next probe.
const maxBlocked = 10_000

// newProbes returns nil if there is no limit.
func newProbes(limiter ClientLimiter) (*probes, error) {
	if limiter == nil {
		return nil, nil
	}
	blocked, err := lru.New[netip.Prefix, time.Time](maxBlocked)
	return &probes{limiter, blocked}, err
}

// wait returns how long a client is to stay away. It is known without asking the
// limiter, whatever the client asks for now.
func (p *probes) wait(client netip.Addr) time.Duration {
	if p == nil {
		return 0
	}
	until, ok := p.blocked.Get(network(client))
	if !ok {
		return 0
	}
	return max(0, time.Until(until))
}

// count counts a probe, and returns how long the client is to stay away. A
// client whose address is not known is not counted: it would be everybody.
func (p *probes) count(ctx context.Context, client netip.Addr) (time.Duration, error) {
	if p == nil || !client.IsValid() {
		return 0, nil
	}
	result, err := p.limiter.Allow(ctx, client)
	if err != nil || result.Allowed {
		return 0, err
	}
	p.blocked.Add(network(client), time.Now().Add(result.RetryAfter))
	return result.RetryAfter, nil
}

// network is the least that one client has: an IPv4 address, or a /64 (RFC 6177).
func network(client netip.Addr) netip.Prefix {
	bits := 64
	if client.Is4() {
		bits = 32
	}
	prefix, err := client.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return prefix
}
