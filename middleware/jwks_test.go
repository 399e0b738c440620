package middleware_test

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/ratelimit"
)

// issuer publishes keys.
type issuer struct {
	*httptest.Server
	mu      sync.Mutex
	keys    []map[string]any
	down    bool
	fetches atomic.Int64
}

func newIssuer(t *testing.T, published ...map[string]any) *issuer {
	t.Helper()
	i := &issuer{keys: published}
	i.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i.fetches.Add(1)
		i.mu.Lock()
		defer i.mu.Unlock()
		if i.down {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	}))
	t.Cleanup(i.Close)
	return i
}

// publish replaces the keys.
func (i *issuer) publish(published ...map[string]any) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = published
}

func (i *issuer) setDown(down bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.down = down
}

// trust returns a configuration with the issuer's keys.
func (i *issuer) trust(t *testing.T, cfg middleware.JWKSConfig) middleware.JWTConfig {
	t.Helper()
	cfg.Client = i.Client()
	published, err := middleware.NewJWKS(t.Context(), i.URL+"/jwks?hidden", cfg)
	if err != nil {
		t.Fatal(err)
	}
	return middleware.JWTConfig{Keys: published, Audience: "shop"}
}

// rsaKey is an RSA key as an issuer publishes it, changed as told.
func rsaKey(kid string, key *rsa.PrivateKey, changes ...string) map[string]any {
	number := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	made := map[string]any{"kty": "RSA", "kid": kid, "n": number(key.N), "e": number(big.NewInt(int64(key.E)))}
	for i := 0; i < len(changes); i += 2 {
		made[changes[i]] = changes[i+1]
	}
	return made
}

func signedAs(t *testing.T, kid any, key *rsa.PrivateKey) *http.Request {
	t.Helper()
	header := map[string]any{"kid": kid}
	if kid == nil {
		header = nil
	}
	return withToken(t, "Bearer "+token(t, jwt.SigningMethodRS256, key, good(), header))
}

func TestKeysOfAnIssuer(t *testing.T) {
	t.Parallel()
	first, second := keys().rsa, keys().otherRSA
	i := newIssuer(t, rsaKey("1", first), rsaKey("2", second, "use", "sig", "alg", "RS256"), rsaKey("enc", first, "use", "enc"),
		rsaKey("ps", first, "alg", "PS256"), map[string]any{"kty": "oct", "kid": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(secret))})
	cfg := i.trust(t, middleware.JWKSConfig{UnknownRefresh: time.Hour})
	checkToken(t, "first", cfg, signedAs(t, "1", first), true)
	checkToken(t, "second", cfg, signedAs(t, "2", second), true)
	for name, r := range map[string]*http.Request{
		"the other's name":   signedAs(t, "2", first),
		"no name":            signedAs(t, nil, first),
		"empty name":         signedAs(t, "", first),
		"name is a number":   signedAs(t, 1, first),
		"name is a list":     signedAs(t, []string{"1"}, first),
		"unknown name":       signedAs(t, "3", first),
		"name is a path":     signedAs(t, "../../../../dev/null", first),
		"name is SQL":        signedAs(t, "1' UNION SELECT 'secret", first),
		"name is long":       signedAs(t, strings.Repeat("1", 8000), first),
		"name has a NUL":     signedAs(t, "1\x00", first),
		"key to encrypt by":  signedAs(t, "enc", first),
		"other algorithm":    signedAs(t, "ps", first),
		"published secret":   withToken(t, "Bearer "+token(t, jwt.SigningMethodHS256, []byte(secret), good(), map[string]any{"kid": "oct"})),
		"public as a secret": withToken(t, "Bearer "+token(t, jwt.SigningMethodHS256, public(t, first), good(), map[string]any{"kid": "1"})),
		"none":               withToken(t, "Bearer "+token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good(), map[string]any{"kid": "1"})),
	} {
		checkToken(t, name, cfg, r, false)
	}
}

// A key that the issuer has changed to is known when the first token comes that
// is signed with it, and the one before counts until it is withdrawn.
func TestIssuerChangesKeys(t *testing.T) {
	t.Parallel()
	first, second := keys().rsa, keys().otherRSA
	i := newIssuer(t, rsaKey("1", first))
	cfg := i.trust(t, middleware.JWKSConfig{UnknownRefresh: time.Nanosecond})
	checkToken(t, "before it is published", cfg, signedAs(t, "2", second), false)
	i.publish(rsaKey("1", first), rsaKey("2", second))
	checkToken(t, "old and new: new", cfg, signedAs(t, "2", second), true)
	checkToken(t, "old and new: old", cfg, signedAs(t, "1", first), true)

	i.publish(rsaKey("2", second))
	checkToken(t, "unknown", cfg, signedAs(t, "3", second), false) // has them fetched
	checkToken(t, "withdrawn", cfg, signedAs(t, "1", first), false)
	checkToken(t, "the one that is left", cfg, signedAs(t, "2", second), true)

	i.setDown(true)
	if _, err := middleware.JWT(cfg).Resolve(signedAs(t, "3", second)); !errors.Is(err, tenancy.ErrUnavailable) || errors.Is(err, tenancy.ErrUnauthenticated) {
		t.Errorf("unknown, issuer is down: got %v", err)
	}
	checkToken(t, "issuer is down", cfg, signedAs(t, "2", second), true)
}

// While an issuer cannot be asked, nobody knows whether a new key is its own. A
// client that has a token by it is told so, and is not taken for one that probes,
// whether the token names the tenant or the caller only.
func TestIssuerIsDown(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, rsaKey("1", keys().rsa))
	cfg := i.trust(t, middleware.JWKSConfig{UnknownRefresh: time.Nanosecond})
	principal, err := middleware.TokenPrincipal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	byPrincipal := middleware.Config{Principal: principal, Authorize: func(_ context.Context, principal any, _ tenancy.Tenant) error {
		if _, ok := principal.(jwt.MapClaims); !ok {
			t.Errorf("a principal is %v", principal)
		}
		return nil
	}}
	byAnother := middleware.Config{Principal: func(r *http.Request) any {
		if claims := principal(r); claims != nil {
			return claims
		}
		return "by a session"
	}}
	byToken := middleware.Config{}
	byPrincipal.Probes, byToken.Probes = twoProbes(t), twoProbes(t)
	handlers := map[string]http.Handler{
		"tenant": wrap(t, newTenants(), middleware.JWT(cfg), byToken, whoAmI),
		"caller": wrap(t, newTenants(), byHeader(t), byPrincipal, whoAmI),
	}
	check := func(kid string, key *rsa.PrivateKey, want int) {
		t.Helper()
		for name, h := range handlers {
			r := signedAs(t, kid, key)
			r.Header.Set(middleware.HeaderName, "acme")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("%s: key %s: got %d %s, want %d", name, kid, w.Code, w.Body, want)
			}
		}
	}
	i.publish(rsaKey("1", keys().rsa), rsaKey("2", keys().otherRSA))
	i.setDown(true)
	unsure := signedAs(t, "2", keys().otherRSA)
	unsure.Header.Set(middleware.HeaderName, "acme")
	if got := principal(unsure); got != nil {
		t.Errorf("outside of a gate the principal is %v", got)
	}
	if got := served(wrap(t, newTenants(), byHeader(t), byAnother, whoAmI), unsure); got != "id of acme" {
		t.Errorf("who is known otherwise got %s", got)
	}
	for range 5 {
		check("2", keys().otherRSA, http.StatusServiceUnavailable)
		check("1", keys().rsa, http.StatusOK)
	}
	check("1", keys().otherRSA, http.StatusNotFound) // which is not its key, whoever is down
	i.setDown(false)
	check("2", keys().otherRSA, http.StatusOK)
	check("3", keys().rsa, http.StatusNotFound)
}

// twoProbes lets a client probe twice.
func twoProbes(t *testing.T) middleware.ClientLimiter {
	t.Helper()
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	probes, err := ratelimit.NewClients(local, ratelimit.PerHour(2))
	if err != nil {
		t.Fatal(err)
	}
	return probes
}

// A withdrawn key stops to count without anyone asking for another.
func TestKeysAreFetchedNowAndThen(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	i := newIssuer(t, rsaKey("1", keys().rsa))
	cfg := i.trust(t, middleware.JWKSConfig{Refresh: time.Millisecond, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	i.publish()
	resolver := middleware.JWT(cfg)
	eventually(t, "the key is withdrawn", func() bool {
		_, err := resolver.Resolve(signedAs(t, "1", keys().rsa))
		return err != nil
	})
	i.setDown(true)
	eventually(t, "the log says that keys cannot be fetched", func() bool { return strings.Contains(log.String(), "fetching the keys") })
	if strings.Contains(log.String(), "hidden") {
		t.Errorf("the log has the URL: %s", log.String())
	}
}

// Made-up names of keys do not have an issuer flooded, nor requests wait.
func TestUnknownKeysAreFetchedRarely(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, rsaKey("1", keys().rsa))
	cfg := i.trust(t, middleware.JWKSConfig{UnknownRefresh: time.Hour})
	resolver := middleware.JWT(cfg)
	var wg sync.WaitGroup
	for range 50 {
		r := signedAs(t, time.Now().String(), keys().rsa)
		wg.Go(func() {
			if _, err := resolver.Resolve(r); err == nil {
				t.Error("an unknown key is accepted")
			}
		})
	}
	wg.Wait()
	if n := i.fetches.Load(); n != 2 {
		t.Errorf("fetched %d times, want once at first and once after", n)
	}
}

// All that come with a new key while it is fetched wait for it.
func TestNewKeyIsWaitedFor(t *testing.T) {
	t.Parallel()
	i := newIssuer(t, rsaKey("1", keys().rsa))
	resolver := middleware.JWT(i.trust(t, middleware.JWKSConfig{UnknownRefresh: time.Hour}))
	i.publish(rsaKey("2", keys().otherRSA))
	i.mu.Lock() // the issuer is slow
	var wg sync.WaitGroup
	for range 20 {
		r := signedAs(t, "2", keys().otherRSA)
		wg.Go(func() {
			if _, err := resolver.Resolve(r); err != nil {
				t.Errorf("the new key is refused: %v", err)
			}
		})
	}
	eventually(t, "the keys are asked for", func() bool { return i.fetches.Load() == 2 })
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := resolver.Resolve(signedAs(t, "2", keys().otherRSA).WithContext(gone)); !errors.Is(err, tenancy.ErrUnavailable) {
		t.Errorf("a request that is over: %v", err)
	}
	time.Sleep(20 * time.Millisecond) // for those that have not come to wait yet
	i.mu.Unlock()
	wg.Wait()
}

func TestJWKSThatCannotBe(t *testing.T) {
	t.Parallel()
	down := newIssuer(t)
	down.setDown(true)
	for name, test := range map[string]struct {
		address, want string
		cfg           middleware.JWKSConfig
	}{
		"no URL":       {"", "address", middleware.JWKSConfig{}},
		"a file":       {"file:///etc/passwd", "address", middleware.JWKSConfig{}},
		"no host":      {"https:///jwks", "address", middleware.JWKSConfig{}},
		"HTTP":         {"http://127.0.0.1/jwks?hidden", "AllowHTTP", middleware.JWKSConfig{}},
		"nobody there": {"http://127.0.0.1:1/jwks?hidden", "fetching the keys", middleware.JWKSConfig{AllowHTTP: true}},
		"down":         {down.URL + "?hidden", "fetching the keys", middleware.JWKSConfig{Client: down.Client()}},
		"negative":     {down.URL + "?hidden", "JWKSConfig.Timeout, Refresh, UnknownRefresh", middleware.JWKSConfig{Refresh: -1}},
	} {
		got, err := middleware.NewJWKS(t.Context(), test.address, test.cfg)
		if got != nil || err == nil || !strings.Contains(err.Error(), "middleware: NewJWKS: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want an error that names %s", name, err, test.want)
		} else if strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error has the URL: %v", name, err)
		}
	}
}

// An issuer with TLS that sends on to a server without it is not followed, and
// what the client says of redirects counts too.
func TestKeysByRedirect(t *testing.T) {
	t.Parallel()
	keysOf := func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]any{rsaKey("1", keys().rsa)}})
	}
	plain := httptest.NewServer(http.HandlerFunc(keysOf))
	t.Cleanup(plain.Close)
	mux := http.NewServeMux()
	mux.HandleFunc("/keys", keysOf)
	mux.Handle("/moved", http.RedirectHandler("/keys?hidden", http.StatusFound))
	mux.Handle("/plain", http.RedirectHandler(plain.URL+"/keys?hidden", http.StatusFound))
	mux.Handle("/plain/moved", http.RedirectHandler("/plain", http.StatusFound))
	mux.Handle("/loop", http.RedirectHandler("/loop", http.StatusFound))
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	stays := *server.Client()
	stays.CheckRedirect = func(*http.Request, []*http.Request) error { return errors.New("the client stays") }

	for name, test := range map[string]struct {
		path, want string
		cfg        middleware.JWKSConfig
	}{
		"moved":                       {"/moved", "", middleware.JWKSConfig{Client: server.Client()}},
		"to HTTP":                     {"/plain", "not https", middleware.JWKSConfig{Client: server.Client()}},
		"to HTTP by another":          {"/plain/moved", "not https", middleware.JWKSConfig{Client: server.Client()}},
		"to HTTP, allowed":            {"/plain", "", middleware.JWKSConfig{Client: server.Client(), AllowHTTP: true}},
		"the client's own":            {"/moved", "the client stays", middleware.JWKSConfig{Client: &stays}},
		"the client's own, with HTTP": {"/plain", "the client stays", middleware.JWKSConfig{Client: &stays, AllowHTTP: true}},
		"for ever":                    {"/loop", "10 redirects", middleware.JWKSConfig{Client: server.Client()}},
	} {
		_, err := middleware.NewJWKS(t.Context(), server.URL+test.path, test.cfg)
		switch {
		case test.want == "" && err != nil, test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		case err != nil && strings.Contains(err.Error(), "hidden"):
			t.Errorf("%s: the error has the URL: %v", name, err)
		}
	}
	if server.Client().CheckRedirect != nil {
		t.Error("the caller's client was changed")
	}
}

// eventually waits for something to become true.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not so: %s", what)
		}
	}
}

// syncBuffer is a buffer that many can write to.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
