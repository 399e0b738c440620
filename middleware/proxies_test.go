package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/middleware"
)

// behindProxies trusts 10.0.0.0/8 and fd00::/8.
func behindProxies(kind middleware.Forwarding) middleware.Config {
	return middleware.Config{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Forwarding:     kind,
	}
}

func forwarded(tb testing.TB, peer string, headers ...string) *http.Request {
	tb.Helper()
	r := raw(tb, "GET / HTTP/1.1\r\nHost: globex.example.com\r\n"+strings.Join(append(headers, ""), "\r\n")+"\r\n")
	r.RemoteAddr = peer
	return r
}

func TestClientAddr(t *testing.T) {
	t.Parallel()
	const proxy, client = "10.0.0.1:1234", "192.0.2.7"
	x, standard := middleware.XForwarded, middleware.RFC7239
	for name, test := range map[string]struct {
		kind    middleware.Forwarding
		peer    string
		headers []string
		want    string
	}{
		"straight":                   {x, client + ":1", nil, client},
		"straight, and lies":         {x, client + ":1", []string{"X-Forwarded-For: 10.0.0.9"}, client},
		"no port":                    {x, client, nil, client},
		"IPv6":                       {x, "[2001:db8::1%eth0]:1", nil, "2001:db8::1"},
		"IPv4 in IPv6":               {x, "[::ffff:192.0.2.7]:1", nil, client},
		"Unix socket":                {x, "@", []string{"X-Forwarded-For: " + client}, "invalid IP"},
		"no peer":                    {x, "", nil, "invalid IP"},
		"proxy":                      {"", proxy, []string{"X-Forwarded-For: " + client}, client},
		"proxy, address only":        {middleware.XForwardedFor, proxy, []string{"X-Forwarded-For: 198.51.100.1, " + client}, client},
		"proxy in IPv6":              {x, "[fd00::1]:1", []string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
		"proxy, IPv4 in IPv6":        {x, "[::ffff:10.0.0.1]:1", []string{"X-Forwarded-For: " + client}, client},
		"proxy says nothing":         {x, proxy, nil, "10.0.0.1"},
		"client lies":                {x, proxy, []string{"X-Forwarded-For: 198.51.100.1, " + client}, client},
		"client lies with a proxy":   {x, proxy, []string{"X-Forwarded-For: 10.0.0.5, " + client}, client},
		"client lies in its own":     {x, proxy, []string{"X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: " + client}, client},
		"two proxies":                {x, proxy, []string{"X-Forwarded-For: 198.51.100.1, " + client + ",10.0.0.2"}, client},
		"two proxies, two headers":   {x, proxy, []string{"X-Forwarded-For: " + client, "X-Forwarded-For: 10.0.0.2"}, client},
		"proxies only":               {x, proxy, []string{"X-Forwarded-For: 10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"with port":                  {x, proxy, []string{"X-Forwarded-For: " + client + ":5678"}, client},
		"IPv6 with port":             {x, proxy, []string{"X-Forwarded-For: [2001:db8::1]:5678"}, "2001:db8::1"},
		"nonsense":                   {x, proxy, []string{"X-Forwarded-For: unknown"}, "invalid IP"},
		"nonsense before the client": {x, proxy, []string{"X-Forwarded-For: <b>, , " + client}, client},
		"the other header":           {x, proxy, []string{"Forwarded: for=198.51.100.1"}, "10.0.0.1"},

		"standard":                     {standard, proxy, []string{"Forwarded: for=" + client}, client},
		"standard, straight":           {standard, client + ":1", []string{"Forwarded: for=10.0.0.2"}, client},
		"standard, the other header":   {standard, proxy, []string{"X-Forwarded-For: 198.51.100.1"}, "10.0.0.1"},
		"standard, all":                {standard, proxy, []string{`Forwarded: for="192.0.2.7:99";by=10.0.0.1;proto=https;host=a`}, client},
		"standard, IPv6":               {standard, proxy, []string{`Forwarded: For="[2001:db8::1]:99"`}, "2001:db8::1"},
		"standard, bare IPv6":          {standard, proxy, []string{`Forwarded: for="[2001:db8::1]"`}, "2001:db8::1"},
		"standard, two proxies":        {standard, proxy, []string{"Forwarded: for=198.51.100.1 , for=192.0.2.7 ; host=a,for=10.0.0.2"}, client},
		"standard, two headers":        {standard, proxy, []string{"Forwarded: for=198.51.100.1, for=192.0.2.7", "Forwarded: for=10.0.0.2"}, client},
		"standard, hidden":             {standard, proxy, []string{"Forwarded: for=_hidden"}, "invalid IP"},
		"standard, quotes with commas": {standard, proxy, []string{`Forwarded: for="x,for=10.0.0.9", for=192.0.2.7`}, client},
		"standard, open quote":         {standard, proxy, []string{`Forwarded: for=", for=192.0.2.7`}, "invalid IP"},
		"standard, malformed":          {standard, proxy, []string{`Forwarded: for`}, "invalid IP"},
		"standard, malformed pair":     {standard, proxy, []string{`Forwarded: for=a b=c`}, "invalid IP"},
		"standard, empty":              {standard, proxy, []string{`Forwarded: ,;, for=192.0.2.7;`}, client},
	} {
		gate, err := middleware.NewGate(newTenants(), byHeader(t), behindProxies(test.kind))
		if err != nil {
			t.Fatal(err)
		}
		if got := gate.ClientAddr(forwarded(t, test.peer, test.headers...)).String(); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

// The host that a listed proxy was asked for is the one that counts. The
// handler's request has what was sent.
func TestForwardedHost(t *testing.T) {
	t.Parallel()
	const proxy, stranger = "10.0.0.1:1234", "192.0.2.7:1234"
	x, standard, addressOnly := middleware.XForwarded, middleware.RFC7239, middleware.XForwardedFor
	for name, test := range map[string]struct {
		kind    middleware.Forwarding
		peer    string
		headers []string
		want    string // "" for a refusal
	}{
		"not said":                        {"", proxy, []string{"X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: acme.example.com"}, "globex"},
		"address only":                    {addressOnly, proxy, []string{"X-Forwarded-Host: acme.example.com"}, "globex"},
		"address only, two hosts":         {addressOnly, proxy, []string{"X-Forwarded-Host: a", "X-Forwarded-Host: b"}, "globex"},
		"address only, the other header":  {addressOnly, proxy, []string{"Forwarded: host=acme.example.com"}, "globex"},
		"straight":                        {x, stranger, nil, "globex"},
		"stranger":                        {x, stranger, []string{"X-Forwarded-Host: acme.example.com"}, "globex"},
		"stranger, standard":              {standard, stranger, []string{"Forwarded: host=acme.example.com"}, "globex"},
		"proxy":                           {x, proxy, []string{"X-Forwarded-Host: acme.example.com"}, "acme"},
		"proxy, with port":                {x, proxy, []string{"X-Forwarded-Host: ACME.example.com:443"}, "acme"},
		"proxy says nothing":              {x, proxy, nil, "globex"},
		"proxy says it is empty":          {x, proxy, []string{"X-Forwarded-Host:"}, "globex"},
		"proxy says it twice":             {x, proxy, []string{"X-Forwarded-Host: acme.example.com", "X-Forwarded-Host: acme.example.com"}, "acme"},
		"proxies disagree":                {x, proxy, []string{"X-Forwarded-Host: globex.example.com", "X-Forwarded-Host: acme.example.com"}, ""},
		"a list":                          {x, proxy, []string{"X-Forwarded-Host: acme.example.com, globex.example.com"}, ""},
		"the other header":                {x, proxy, []string{"Forwarded: host=acme.example.com"}, "globex"},
		"standard":                        {standard, proxy, []string{"Forwarded: for=192.0.2.7;host=acme.example.com"}, "acme"},
		"standard, quoted":                {standard, proxy, []string{`Forwarded: host="acme.example.com:443"`}, "acme"},
		"standard, bare port":             {standard, proxy, []string{`Forwarded: host=acme.example.com:443`}, "acme"},
		"standard, escaped":               {standard, proxy, []string{`Forwarded: host="acme\.example.com"`}, "acme"},
		"standard, says nothing":          {standard, proxy, []string{"Forwarded: for=192.0.2.7"}, "globex"},
		"standard, the client says it":    {standard, proxy, []string{"Forwarded: host=acme.example.com, for=192.0.2.7"}, "globex"},
		"standard, the outer proxy's":     {standard, proxy, []string{"Forwarded: host=acme.example.com;for=192.0.2.7, for=10.0.0.2;host=inner"}, "acme"},
		"standard, the other header":      {standard, proxy, []string{"X-Forwarded-Host: acme.example.com"}, "globex"},
		"standard, malformed":             {standard, proxy, []string{`Forwarded: host="acme.example.com`}, ""},
		"standard, ends in an escape":     {standard, proxy, []string{`Forwarded: host="acme.example.com\`}, ""},
		"standard, a name that is none":   {standard, proxy, []string{`Forwarded: ho st=acme.example.com`}, ""},
		"standard, a value that is none":  {standard, proxy, []string{`Forwarded: host=acme@example.com`}, ""},
		"standard, malformed by stranger": {standard, stranger, []string{`Forwarded: host="`}, "globex"},
	} {
		r := forwarded(t, test.peer, test.headers...)
		w := httptest.NewRecorder()
		wrap(t, newTenants(), middleware.Subdomain("example.com"), behindProxies(test.kind), func(w http.ResponseWriter, inner *http.Request) {
			if inner.Host != "globex.example.com" {
				t.Errorf("%s: the handler's request is for %q", name, inner.Host)
			}
			whoAmI(w, inner)
		}).ServeHTTP(w, r)
		status, want := http.StatusOK, "id of "+test.want
		if test.want == "" {
			status, want = http.StatusNotFound, notFound
		}
		if w.Code != status || w.Body.String() != want {
			t.Errorf("%s: got %d %s, want %s", name, w.Code, w.Body, want)
		}
		header := map[middleware.Forwarding]string{x: "X-Forwarded-Host", standard: "Forwarded"}[test.kind]
		if got := w.Header().Get("Vary"); got != header {
			t.Errorf("%s: it varies by %q, want %q", name, got, header)
		}
	}
}

func TestProxiesThatCannotBe(t *testing.T) {
	t.Parallel()
	for want, cfg := range map[string]middleware.Config{
		"Config.Forwarding":                {Forwarding: "x-real-ip"},
		"Config.TrustedProxies: invalid":   {TrustedProxies: []netip.Prefix{{}}},
		"Config.TrustedProxies: 0.0.0.0/0": {TrustedProxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		"Config.TrustedProxies: ::/0":      {TrustedProxies: []netip.Prefix{netip.MustParsePrefix("::/0")}},
	} {
		if _, err := middleware.New(newTenants(), byHeader(t), cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
	}
}

// Whatever a stranger sends, its address and host are those of the connection;
// and whatever it sends through a proxy, its address is what the proxy says.
func FuzzForwarded(f *testing.F) {
	for _, sent := range []string{`for=10.0.0.2;host="a\"b"`, `for="[::1]:1", host=x`, `10.0.0.1, 192.0.2.1`, `"`, `\`, `,;=`} {
		f.Add(sent, true)
		f.Add(sent, false)
	}
	f.Fuzz(func(t *testing.T, sent string, standard bool) {
		kind, header, client := middleware.XForwarded, "X-Forwarded-For", "192.0.2.7"
		if standard {
			kind, header, client = middleware.RFC7239, "Forwarded", "for=192.0.2.7"
		}
		gate, err := middleware.NewGate(newTenants(), byHeader(t), behindProxies(kind))
		if err != nil {
			t.Fatal(err)
		}
		straight := &http.Request{RemoteAddr: "192.0.2.7:1", Header: http.Header{header: {sent}}}
		if got := gate.ClientAddr(straight).String(); got != "192.0.2.7" {
			t.Errorf("%q: a stranger is %s", sent, got)
		}
		through := &http.Request{RemoteAddr: "10.0.0.1:1", Header: http.Header{header: {sent, client}}}
		if got := gate.ClientAddr(through); got.String() != "192.0.2.7" && got.IsValid() {
			t.Errorf("%q: the proxy's client is %s", sent, got)
		}
	})
}
