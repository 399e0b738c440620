package tenancyfiber

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v3"
)

var errHosts = errors.New("tenancyfiber: more than one Host header")

// request describes c's request as one of net/http, as far as a gate looks at
// it. It copies all texts, since fasthttp uses their memory for other requests.
func request(c fiber.Ctx) (*http.Request, error) {
	sent := &c.RequestCtx().Request.Header
	if hasHosts(sent.RawHeaders()) {
		return nil, errHosts
	}
	u, err := url.ParseRequestURI(string(sent.RequestURI()))
	if err != nil {
		return nil, err
	}
	host := u.Host // of a target in absolute form (RFC 9112 §3.2.2)
	if host == "" {
		host = string(sent.Host())
	}
	r := &http.Request{
		Method: string(sent.Method()), URL: u, Host: host, Header: make(http.Header, sent.Len()),
		Proto: string(sent.Protocol()), RemoteAddr: c.RequestCtx().RemoteAddr().String(),
		RequestURI: string(sent.RequestURI()), TLS: c.RequestCtx().TLSConnectionState(),
	}
	for name, value := range sent.All() {
		r.Header.Add(string(name), string(value))
	}
	r.Header.Del(fiber.HeaderHost) // as net/http does
	return r.WithContext(c.Context()), nil
}

// hasHosts reports whether there is more than one Host header. fasthttp takes the
// last one, where a proxy before it may have gone by the first.
func hasHosts(raw []byte) bool {
	hosts := 0
	for line := range bytes.Lines(raw) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("host")) {
			hosts++
		}
	}
	return hosts > 1
}
