package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
)

// Clients holds network addresses to a limit. It is safe for concurrent use.
type Clients struct {
	limiter Limiter
	limit   Limit
}

// NewClients returns a Clients that counts with limiter and holds each address
// to limit. It fails with [tenancy.ErrInvalidLimit] for a limit that Validate refuses.
func NewClients(limiter Limiter, limit Limit) (*Clients, error) {
	if limiter == nil {
		return nil, errors.New("ratelimit: NewClients: limiter is nil")
	}
	if err := limit.Validate(); err != nil {
		return nil, fmt.Errorf("ratelimit: NewClients: limit: %w", err)
	}
	return &Clients{limiter, limit}, nil
}

// networkBits is how much of an IPv6 address is one customer's at least: who
// has a /64 has as many addresses as they like (RFC 6177).
const networkBits = 64

// Allow counts one request from addr, unless it is one too many. An IPv6
// address counts as its /64 network, and one that stands for an IPv4 address as
// that. The invalid address, of a client that has none, is one of them all. It
// fails as the [Limiter] does, and needs no tenant in ctx.
func (c *Clients) Allow(ctx context.Context, addr netip.Addr) (Result, error) {
	return c.limiter.Allow(ctx, "client:"+network(addr), c.limit)
}

func network(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if prefix, err := addr.Prefix(networkBits); err == nil {
			return prefix.Addr().String()
		}
	}
	return addr.String()
}
