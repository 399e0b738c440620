package tenancyfiber

import (
	"iter"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v3"
)

// header returns the request's fields as net/http has them. After a body in
// chunks there can be more of them, the trailers, which fasthttp adds to the
// others. Nobody has looked at those: a gateway that takes a header away, or
// sets one, leaves a trailer of that name alone.
func header(c fiber.Ctx, chunked bool) http.Header {
	sent := &c.RequestCtx().Request.Header
	h := make(http.Header, sent.Len())
	var before fields
	if chunked {
		before = count(sent.AllInOrder()) // which goes by the bytes before the body
	}
	for name, value := range sent.All() {
		if !chunked || before.take(name, value) {
			h.Add(string(name), string(value))
		}
	}
	h.Del(fiber.HeaderHost) // as net/http does
	return h
}

// fields counts how often a name was sent with a value. It does not replace what
// fasthttp has: the application may have taken away some of it since.
type fields map[string]int

func count(all iter.Seq2[[]byte, []byte]) fields {
	f := fields{}
	for name, value := range all {
		f[field(name, value)]++
	}
	return f
}

// take reports whether a field is one of them, and counts it off. Cookies always
// are: fasthttp refuses them as trailers, and puts several headers of them into one.
func (f fields) take(name, value []byte) bool {
	if string(name) == fiber.HeaderCookie {
		return true
	}
	key := field(name, value)
	if f[key] == 0 {
		return false
	}
	f[key]--
	return true
}

// field is a field as a key: a name has no colon in it.
func field(name, value []byte) string { return strings.ToLower(string(name)) + ":" + string(value) }
