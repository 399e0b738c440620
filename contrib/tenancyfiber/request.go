package tenancyfiber

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"

	"github.com/gofiber/fiber/v3"
	"golang.org/x/net/http/httpguts"
)

// What fasthttp takes and net/http does not.
var (
	errFieldName = errors.New("tenancyfiber: a field name has a blank, or a field goes on in another line")
	errHosts     = errors.New("tenancyfiber: more than one Host header")
	errNoHost    = errors.New("tenancyfiber: no Host header")
	errHost      = errors.New("tenancyfiber: the Host header is no host")
)

// request describes c's request as one of net/http, as far as a gate looks at
// it. It copies all texts, since fasthttp uses their memory for other requests.
func request(c fiber.Ctx) (*http.Request, error) {
	sent := &c.RequestCtx().Request.Header
	chunked, err := checkFields(sent.RawHeaders(), string(sent.Protocol()), string(sent.Host()))
	if err != nil {
		return nil, err
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
		Method: string(sent.Method()), URL: u, Host: host, Header: header(c, chunked),
		Proto: string(sent.Protocol()), RemoteAddr: c.RequestCtx().RemoteAddr().String(),
		RequestURI: string(sent.RequestURI()), TLS: c.RequestCtx().TLSConnectionState(),
	}
	return r.WithContext(c.Context()), nil
}

// checkFields refuses header fields that a proxy before this server may read
// otherwise than fasthttp does (RFC 9112 §3.2, §5.1 and §5.2). Of several hosts
// that takes the last one, and a name with a blank at its end is another name to it.
// Of a request that is not refused it says whether the body comes in chunks.
// A request that was not read from a connection, such as those of fiber's
// adaptor, has none of them: its one host is what it was made with.
func checkFields(raw []byte, protocol, host string) (chunked bool, err error) {
	hosts := 0
	if len(raw) == 0 && host != "" {
		hosts = 1
	}
	for line := range bytes.Lines(raw) {
		name, _, _ := bytes.Cut(line, []byte(":"))
		if bytes.ContainsAny(name, " \t") {
			return false, errFieldName
		}
		if bytes.EqualFold(name, []byte("host")) {
			hosts++
		}
		chunked = chunked || bytes.EqualFold(name, []byte("transfer-encoding"))
	}
	switch {
	case hosts > 1:
		return false, errHosts
	case hosts == 0 && protocol != "HTTP/1.0":
		return false, errNoHost
	case !httpguts.ValidHostHeader(host): // without "@", which it does not take
		return false, errHost
	default:
		return chunked, nil
	}
}
