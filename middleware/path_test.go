package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// split is whom a target is for, and what is left of it for the handler.
type split struct{ identifier, path, rawPath string }

// targets are what a client can ask for, and whom they are for below /t.
func targets() map[string]split {
	return map[string]split{
		"/t/acme":                           {"acme", "/", ""},
		"/t/acme/":                          {"acme", "/", ""},
		"/t/acme/orders/1":                  {"acme", "/orders/1", ""},
		"/t/acme/orders?q=/t/globex":        {"acme", "/orders", ""},
		"/t/acme/t/globex":                  {"acme", "/t/globex", ""},
		"/t/acme/a%20b":                     {"acme", "/a b", ""},
		"/t/acme/a%2Fb":                     {"acme", "/a/b", "/a%2Fb"},
		"/t/acme/a%2fb/":                    {"acme", "/a/b/", "/a%2fb/"},
		"/t/acme/%2f":                       {"acme", "", ""}, // "//" once decoded
		"/t/acme/orders//1":                 {"acme", "/orders//1", ""},
		"/t/acme/.well-known/x":             {"acme", "/.well-known/x", ""},
		"/t/acme/a..b/...":                  {"acme", "/a..b/...", ""},
		"http://evil.example/t/acme/a":      {"acme", "/a", ""},
		"/t/ACME/orders":                    {"ACME", "/orders", ""}, // no identifier: the Gate's to refuse
		"/":                                 {},
		"/t":                                {},
		"/T/acme":                           {},
		"/orders/t/acme":                    {},
		"/tt/acme":                          {},
		"//t/acme":                          {},
		"/%2ft/acme":                        {},
		"http://t/acme":                     {},
		"/t/":                               {refused, "", ""},
		"/t//acme":                          {refused, "", ""},
		"/t/acme//evil.example":             {refused, "", ""},
		"/t/acme//":                         {refused, "", ""},
		"/t/acme/%5cevil.example":           {refused, "", ""},
		`/t/acme/\evil.example`:             {refused, "", ""},
		"/t/%61cme/orders":                  {refused, "", ""},
		"/%74/acme/orders":                  {refused, "", ""},
		"/t%2facme/orders":                  {refused, "", ""},
		"/t/acme%2forders":                  {refused, "", ""},
		"/t/acme%2f..%2fglobex":             {refused, "", ""},
		"/t/acme/../globex":                 {refused, "", ""},
		"/t/acme/..":                        {refused, "", ""},
		"/t/acme/./orders":                  {refused, "", ""},
		"/t/../t/acme":                      {refused, "", ""},
		"/t/./acme":                         {refused, "", ""},
		"/t/acme/%2e%2e/globex":             {refused, "", ""},
		"/t/acme/.%2e/globex":               {refused, "", ""},
		"/t/acme/a%2f..%2f..%2fglobex":      {refused, "", ""},
		"/t/..":                             {refused, "", ""},
		"/t/" + strings.Repeat("../", 1000): {refused, "", ""},
	}
}

func TestPath(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"/t", "t", "/t/"} {
		for target, want := range targets() {
			if target == "/t/acme/%2f" {
				want.identifier = refused
			}
			got := checkResolver(t, middleware.Path(prefix), raw(t, forTarget(target)), want.identifier)
			if got.Path != want.path || got.RawPath != want.rawPath {
				t.Errorf("%s: left are %q and %q, want %q and %q", target, got.Path, got.RawPath, want.path, want.rawPath)
			}
		}
	}
}

func TestPathWithoutPrefix(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/acme": "/", "/acme/orders": "/orders", "/acme/a%2fb": "/a/b",
		"/": refused, "//acme": refused, "/%61cme": refused, "/./acme": refused, "/acme//evil.example": refused,
	} {
		identifier := "acme"
		if want == refused {
			identifier, want = refused, ""
		}
		if got := checkResolver(t, middleware.Path(""), raw(t, forTarget(target)), identifier); got.Path != want {
			t.Errorf("%s: left is %q, want %q", target, got.Path, want)
		}
	}
	if got := checkResolver(t, middleware.Path(""), raw(t, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), ""); got != (middleware.Resolution{}) {
		t.Errorf("got %+v", got)
	}
}

// The handler's router works on what is left, as behind http.StripPrefix.
func TestPathReachesTheHandlersRouter(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /files/{name}", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(r.PathValue("name") + " " + r.URL.EscapedPath() + " " + r.RequestURI))
	})
	r := raw(t, forTarget("/t/acme/files/a%2Fb?q=1"))
	w := httptest.NewRecorder()
	wrap(t, newTenants(), middleware.Path("/t"), middleware.Config{}, mux.ServeHTTP).ServeHTTP(w, r)
	if got, want := w.Body.String(), "a/b /files/a%2Fb /t/acme/files/a%2Fb?q=1"; got != want {
		t.Errorf("got %d %q, want %q", w.Code, got, want)
	}
	if r.URL.Path != "/t/acme/files/a/b" || r.URL.RawPath != "/t/acme/files/a%2Fb" {
		t.Errorf("the caller's request is for %+v", r.URL)
	}
}

func TestPathThatCannotBe(t *testing.T) {
	t.Parallel()
	checkRefusedByNew(t, "middleware: Path: prefix", middleware.Path("/a b"), middleware.Path("/a//b"), middleware.Path("/../a"),
		middleware.Path("/ä"), middleware.Path("/a%2fb"), middleware.Path("/a?b"), middleware.Path("/./"))
}

// Put together again, identifier and remainder are the target, which no router
// and no proxy could take for another tenant's.
func FuzzPath(f *testing.F) {
	for target := range targets() {
		f.Add(target)
	}
	resolver := middleware.Path("/t")
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		got, err := resolver.Resolve(&http.Request{URL: u})
		if err != nil || tenancy.ValidateIdentifier(got.Identifier) != nil {
			return
		}
		left := (&url.URL{Path: got.Path, RawPath: got.RawPath}).EscapedPath()
		whole := "/t/" + got.Identifier + left
		if sent := u.EscapedPath(); whole != sent && whole != sent+"/" {
			t.Errorf("%q is said to be for %q with %q, which is %q", target, got.Identifier, left, whole)
		}
		if clean := (&url.URL{Path: u.Path}).JoinPath().Path; !strings.HasPrefix(clean, "/t/"+got.Identifier) {
			t.Errorf("%q is said to be for %q, and means %q", target, got.Identifier, clean)
		}
		if next, err := url.Parse(got.Path); err == nil && next.Host != "" {
			t.Errorf("%q leaves a path %q, which is on another host", target, got.Path)
		}
	})
}
