package middleware

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Forwarding says in which headers proxies tell what they were sent. A proxy
// that sets the ones lets through the others as the client has made them up,
// so what counts is one kind and nothing else.
type Forwarding string

// The kinds.
const (
	// XForwardedFor means the address of X-Forwarded-For. The host is that of the
	// Host header, which the proxy has to hand on. X-Forwarded-Host is not read:
	// AWS's load balancers, and nginx that is told no more than to hand on the
	// Host, let it through as the client has made it up.
	XForwardedFor Forwarding = "x-forwarded-for"
	// XForwarded means the address of X-Forwarded-For and the host of
	// X-Forwarded-Host. It is for proxies that put a Host of their own in place of
	// the client's. The proxy has to set or remove both headers in every request:
	// otherwise the client chooses the host, and with it the tenant of
	// [Subdomain] and [Host].
	XForwarded Forwarding = "x-forwarded"
	// RFC7239 means the address and the host of Forwarded, as RFC 7239 has it. The
	// proxy has to add its own element to it, or put that in its place.
	RFC7239 Forwarding = "rfc7239"
)

// proxies knows which proxies are trusted, and reads what they say.
type proxies struct {
	networks []netip.Prefix
	kind     Forwarding
}

func newProxies(networks []netip.Prefix, kind Forwarding) (proxies, error) {
	switch kind {
	case "":
		kind = XForwardedFor
	case XForwardedFor, XForwarded, RFC7239:
	default:
		return proxies{}, errors.New("middleware: Config.Forwarding: none of XForwardedFor, XForwarded and RFC7239")
	}
	for _, network := range networks {
		if !network.IsValid() || network.Bits() == 0 {
			return proxies{}, fmt.Errorf("middleware: Config.TrustedProxies: %s: not the network of a proxy", network)
		}
	}
	return proxies{slices.Clone(networks), kind}, nil
}

// vary names the header that a cache between a proxy and this server has to
// look at. Caches before the proxy see requests without it.
func (p proxies) vary() []string {
	switch {
	case len(p.networks) == 0, p.kind == XForwardedFor:
		return nil
	case p.kind == RFC7239:
		return []string{"Forwarded"}
	default:
		return []string{"X-Forwarded-Host"}
	}
}

// ClientAddr returns the address of the client that sent the request: the peer
// of the connection or, where that is a proxy that Config.TrustedProxies lists,
// the last address on the way that is none. What stands before that in the
// headers can be made up. The address is invalid if there is none to be had, as
// for the peer of a Unix socket.
func (g *Gate) ClientAddr(r *http.Request) netip.Addr {
	hop, _ := g.proxies.client(r)
	return hop.addr
}

// host returns the Host that the client asked for: the request's, unless the proxies
// say another.
func (p proxies) host(r *http.Request) (string, error) {
	hop, err := p.client(r)
	return cmp.Or(hop.host, r.Host), err
}

// hop is a client as the proxy says that took its request.
type hop struct {
	addr netip.Addr
	host string // empty if it does not say
}

// client returns the client of the outermost of the proxies that are trusted,
// one after the other from this server on.
func (p proxies) client(r *http.Request) (hop, error) {
	peer := hop{addr: parseAddr(r.RemoteAddr)}
	if !p.trusted(peer.addr) {
		return peer, nil
	}
	if p.kind == RFC7239 {
		return p.standard(peer, r.Header["Forwarded"])
	}
	last := hop{addr: p.forwardedFor(peer.addr, r.Header["X-Forwarded-For"])}
	if p.kind == XForwardedFor {
		return last, nil
	}
	var err error
	last.host, err = forwardedHost(r.Header["X-Forwarded-Host"])
	return last, err
}

// forwardedFor walks the addresses from the last to the first, as far as they
// are those of proxies.
func (p proxies) forwardedFor(last netip.Addr, values []string) netip.Addr {
	for _, sent := range slices.Backward(values) {
		for p.trusted(last) && sent != "" {
			comma := strings.LastIndexByte(sent, ',') + 1
			last = parseAddr(strings.TrimSpace(sent[comma:]))
			sent = sent[:max(comma-1, 0)]
		}
	}
	return last
}

// forwardedHost returns what all of the values say, which are empty where a
// proxy was sent none.
func forwardedHost(sent []string) (string, error) {
	for _, other := range sent {
		if other != sent[0] {
			return "", errForwarded
		}
	}
	if len(sent) == 0 {
		return "", nil
	}
	return sent[0], nil
}

// standard walks the elements of RFC 7239 §4 from the last to the first.
func (p proxies) standard(last hop, sent []string) (hop, error) {
	elements, err := parseForwarded(sent)
	if err != nil {
		return hop{}, err
	}
	for _, element := range slices.Backward(elements) {
		if !p.trusted(last.addr) {
			break
		}
		last = element
	}
	return last, nil
}

func (p proxies) trusted(addr netip.Addr) bool {
	return addr.IsValid() && slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// parseAddr reads an address with or without port, also as RFC 7239 §6 writes
// it. It is invalid for everything else.
func parseAddr(s string) netip.Addr {
	if with, err := netip.ParseAddrPort(s); err == nil {
		return with.Addr().Unmap().WithZone("")
	}
	if bare, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(bare, "]")
	}
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}
