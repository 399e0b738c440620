package middleware_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// secret is as short as it may be.
const secret = "0123456789abcdef0123456789abcdef"

// keyring has a key of each kind, made once.
type keyring struct {
	rsa, otherRSA *rsa.PrivateKey
	ecdsa         *ecdsa.PrivateKey
	ed25519       ed25519.PrivateKey
}

var keys = sync.OnceValue( //nolint:gochecknoglobals // RSA keys take long to make
	func() keyring {
		first, err1 := rsa.GenerateKey(rand.Reader, 2048)
		second, err2 := rsa.GenerateKey(rand.Reader, 2048)
		third, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		_, fourth, err4 := ed25519.GenerateKey(rand.Reader)
		if err := errors.Join(err1, err2, err3, err4); err != nil {
			panic(err)
		}
		return keyring{first, second, third, fourth}
	})

// public returns a private key's public one as PEM.
func public(tb testing.TB, key crypto.Signer) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		tb.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// good are the claims of a token that is accepted, changed as told. A nil takes a claim out.
func good(changes ...jwt.MapClaims) jwt.MapClaims {
	claims := jwt.MapClaims{
		"tenant_id": "acme", "sub": "jo", "iss": "https://issuer.example", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix(),
	}
	for _, changed := range changes {
		maps.Copy(claims, changed)
	}
	maps.DeleteFunc(claims, func(_ string, value any) bool { return value == nil })
	return claims
}

// token returns a signed one, with headers as told.
func token(tb testing.TB, method jwt.SigningMethod, key any, claims jwt.MapClaims, headers ...map[string]any) string {
	tb.Helper()
	made := jwt.NewWithClaims(method, claims)
	for _, header := range headers {
		maps.Copy(made.Header, header)
	}
	signed, err := made.SignedString(key)
	if err != nil {
		tb.Fatal(err)
	}
	return signed
}

// hmacConfig is what most tests verify by.
func hmacConfig() middleware.JWTConfig {
	return middleware.JWTConfig{Secret: []byte(secret), Issuer: "https://issuer.example", Audience: "shop"}
}

// withToken returns a request that was sent with an Authorization header.
func withToken(tb testing.TB, authorization ...string) *http.Request {
	tb.Helper()
	r := request(tb, "/")
	r.Header["Authorization"] = authorization
	return r
}

// checkToken makes sure that a token is accepted or not, and that nothing of it
// is in an error.
func checkToken(t *testing.T, name string, cfg middleware.JWTConfig, r *http.Request, accepted bool) {
	t.Helper()
	resolver := middleware.JWT(cfg)
	if err := resolver.Validate(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	got, err := resolver.Resolve(r)
	switch {
	case accepted && (err != nil || got.Identifier != "acme" || got.Principal.(jwt.MapClaims)["sub"] != "jo"):
		t.Errorf("%s: got %+v and %v, want acme", name, got, err)
	case !accepted && (err == nil || got != middleware.Resolution{}):
		t.Errorf("%s: got %+v and %v, want an error", name, got, err)
	}
	if err == nil {
		return
	}
	if !errors.Is(err, tenancy.ErrUnauthenticated) && !errors.Is(err, tenancy.ErrInvalidIdentifier) {
		t.Errorf("%s: got %v, which is no error of this module", name, err)
	}
	for part := range strings.FieldsFuncSeq(strings.Join(r.Header["Authorization"], " "), func(c rune) bool { return c == ' ' || c == '.' }) {
		if len(part) > 10 && strings.Contains(err.Error(), part) {
			t.Errorf("%s: the error has a part of the token: %v", name, err)
		}
	}
}

func TestTokenOfEachAlgorithm(t *testing.T) {
	t.Parallel()
	for algorithm, key := range map[string]any{
		"HS256": []byte(secret), "RS256": keys().rsa, "PS256": keys().rsa, "ES256": keys().ecdsa, "EdDSA": keys().ed25519,
	} {
		cfg := middleware.JWTConfig{Audience: "shop", Algorithms: []string{algorithm}}
		if signer, ok := key.(crypto.Signer); ok {
			cfg.PublicKey = public(t, signer)
		} else {
			cfg.Secret = key.([]byte)
		}
		sent := "Bearer " + token(t, jwt.GetSigningMethod(algorithm), key, good())
		checkToken(t, algorithm, cfg, withToken(t, sent), true)
		if algorithm != "PS256" { // all others are what the key's kind is used with by default
			cfg.Algorithms = nil
			checkToken(t, algorithm+" by default", cfg, withToken(t, sent), true)
		}
		checkToken(t, algorithm+", changed", cfg, withToken(t, sent[:len(sent)-8]+"AAAAAAAA"), false)
	}
}

func TestTokenInTheHeader(t *testing.T) {
	t.Parallel()
	sent := token(t, jwt.SigningMethodHS256, []byte(secret), good())
	for name, authorization := range map[string]string{
		"as usual": "Bearer " + sent, "lower case": "bearer " + sent, "upper case": "BEARER " + sent, "spaces": "Bearer    " + sent + "  ",
	} {
		checkToken(t, name, hmacConfig(), withToken(t, authorization), true)
	}
	for name, authorization := range map[string][]string{
		"empty":         {"Bearer "},
		"no space":      {"Bearer"},
		"tab":           {"Bearer \t" + sent},
		"twice":         {"Bearer " + sent, "Bearer " + sent},
		"and another":   {"Basic am86cHc=", "Bearer " + sent},
		"list":          {"Bearer " + sent + ", Bearer " + sent},
		"twice in one":  {"Bearer Bearer " + sent},
		"quoted":        {`Bearer "` + sent + `"`},
		"two parts":     {"Bearer " + sent[:strings.LastIndexByte(sent, '.')]},
		"four parts":    {"Bearer " + sent + ".x"},
		"garbage":       {"Bearer garbage"},
		"control":       {"Bearer " + sent + "\x00"},
		"not UTF-8":     {"Bearer \xff\xfe.\xff.\xff"},
		"not JSON":      {"Bearer " + base64.RawURLEncoding.EncodeToString([]byte("secretsecret")) + ".e30.AA"},
		"a megabyte":    {"Bearer " + strings.Repeat("a", 1<<20)},
		"many parts":    {"Bearer " + strings.Repeat(".", 1<<20)},
		"deep JSON":     {"Bearer " + base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("[", 8000))) + ".e30.AA"},
		"standard bits": {"Bearer " + sent[:len(sent)-1] + string(rune(sent[len(sent)-1])+1)},
	} {
		checkToken(t, name, hmacConfig(), withToken(t, authorization...), false)
	}
	for name, authorization := range map[string][]string{
		"no header": nil, "empty header": {""}, "other scheme": {"Basic am86cHc="}, "scheme that begins alike": {"BearerX " + sent}, "bare": {sent},
	} {
		if got, err := middleware.JWT(hmacConfig()).Resolve(withToken(t, authorization...)); err != nil || got != (middleware.Resolution{}) {
			t.Errorf("%s: got %+v and %v, want nothing", name, got, err)
		}
	}
}

func TestTokenThatIsTooLong(t *testing.T) {
	t.Parallel()
	for size, accepted := range map[int]bool{8 << 10: true, 16 << 10: false, 1 << 20: false} {
		sent := token(t, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"pad": strings.Repeat("a", size)}))
		checkToken(t, "long", hmacConfig(), withToken(t, "Bearer "+sent), accepted)
	}
}

func TestTokenClaims(t *testing.T) {
	t.Parallel()
	at := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	leeway := hmacConfig()
	leeway.Leeway = time.Minute
	anyone := hmacConfig()
	anyone.Issuer, anyone.Audience, anyone.AnyAudience = "", "", true
	for name, test := range map[string]struct {
		cfg      middleware.JWTConfig
		changes  jwt.MapClaims
		accepted bool
	}{
		"as they are":           {hmacConfig(), nil, true},
		"expired":               {hmacConfig(), jwt.MapClaims{"exp": at(-2 * time.Second)}, false},
		"no exp":                {hmacConfig(), jwt.MapClaims{"exp": nil}, false},
		"exp is no number":      {hmacConfig(), jwt.MapClaims{"exp": "tomorrow"}, false},
		"exp is zero":           {hmacConfig(), jwt.MapClaims{"exp": 0}, false},
		"exp is a big number":   {hmacConfig(), jwt.MapClaims{"exp": 1e300}, false},
		"expired, in leeway":    {leeway, jwt.MapClaims{"exp": at(-30 * time.Second)}, true},
		"expired, past leeway":  {leeway, jwt.MapClaims{"exp": at(-90 * time.Second)}, false},
		"not yet":               {hmacConfig(), jwt.MapClaims{"nbf": at(30 * time.Second)}, false},
		"not yet, in leeway":    {leeway, jwt.MapClaims{"nbf": at(30 * time.Second)}, true},
		"not yet, past leeway":  {leeway, jwt.MapClaims{"nbf": at(90 * time.Second)}, false},
		"other issuer":          {hmacConfig(), jwt.MapClaims{"iss": "https://issuer.example.evil"}, false},
		"no issuer":             {hmacConfig(), jwt.MapClaims{"iss": nil}, false},
		"issuer is a list":      {hmacConfig(), jwt.MapClaims{"iss": []string{"https://issuer.example"}}, false},
		"other audience":        {hmacConfig(), jwt.MapClaims{"aud": "billing"}, false},
		"no audience":           {hmacConfig(), jwt.MapClaims{"aud": nil}, false},
		"empty audience":        {hmacConfig(), jwt.MapClaims{"aud": ""}, false},
		"one of the audience":   {hmacConfig(), jwt.MapClaims{"aud": []string{"billing", "shop"}}, true},
		"none of the audience":  {hmacConfig(), jwt.MapClaims{"aud": []string{"billing", "SHOP"}}, false},
		"any issuer":            {anyone, jwt.MapClaims{"iss": "x"}, true},
		"any audience":          {anyone, jwt.MapClaims{"aud": "billing"}, true},
		"any audience, none":    {anyone, jwt.MapClaims{"aud": nil, "iss": nil}, true},
		"any audience, expired": {anyone, jwt.MapClaims{"exp": at(-time.Hour)}, false},
		"no tenant":             {hmacConfig(), jwt.MapClaims{"tenant_id": nil}, false},
		"empty tenant":          {hmacConfig(), jwt.MapClaims{"tenant_id": ""}, false},
		"number":                {hmacConfig(), jwt.MapClaims{"tenant_id": 42}, false},
		"list":                  {hmacConfig(), jwt.MapClaims{"tenant_id": []string{"acme"}}, false},
		"object":                {hmacConfig(), jwt.MapClaims{"tenant_id": map[string]any{"id": "acme"}}, false},
		"other case":            {hmacConfig(), jwt.MapClaims{"tenant_id": nil, "Tenant_ID": "acme"}, false},
	} {
		sent := token(t, jwt.SigningMethodHS256, []byte(secret), good(test.changes))
		checkToken(t, name, test.cfg, withToken(t, "Bearer "+sent), test.accepted)
	}
	named := hmacConfig()
	named.Claim = "https://shop.example/org"
	sent := token(t, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"tenant_id": "globex", "https://shop.example/org": "acme"}))
	checkToken(t, "claim of another name", named, withToken(t, "Bearer "+sent), true)
}

// None of the ways to make a token without the key that it is verified with.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	rs := middleware.JWTConfig{PublicKey: public(t, keys().rsa), Audience: "shop"}
	der, err := x509.MarshalPKIXPublicKey(keys().rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	signed := token(t, jwt.SigningMethodRS256, keys().rsa, good())
	_, unsigned, _ := strings.Cut(signed, ".")
	body, signature, _ := strings.Cut(unsigned, ".")
	other := token(t, jwt.SigningMethodRS256, keys().rsa, good(jwt.MapClaims{"tenant_id": "globex"}))
	hidden := map[string]any{"jwk": map[string]any{"kty": "oct", "k": part(secret)}, "jku": "https://evil.example/jwks", "x5u": "https://evil.example"}

	for name, sent := range map[string]string{
		"none":                        token(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, good()),
		"none, in capitals":           part(`{"alg":"NONE","typ":"JWT"}`) + "." + body + ".",
		"none, with a signature":      part(`{"alg":"none","typ":"JWT"}`) + "." + body + "." + signature,
		"no algorithm":                part(`{"typ":"JWT"}`) + "." + body + "." + signature,
		"empty algorithm":             part(`{"alg":"","typ":"JWT"}`) + "." + body + "." + signature,
		"algorithm is a list":         part(`{"alg":["RS256"],"typ":"JWT"}`) + "." + body + "." + signature,
		"unknown algorithm":           part(`{"alg":"HS1","typ":"JWT"}`) + "." + body + "." + signature,
		"no signature":                part(`{"alg":"RS256","typ":"JWT"}`) + "." + body + ".",
		"HMAC by the public key, PEM": token(t, jwt.SigningMethodHS256, public(t, keys().rsa), good()),
		"HMAC by the public key, DER": token(t, jwt.SigningMethodHS256, der, good()),
		"HMAC by the modulus":         token(t, jwt.SigningMethodHS256, keys().rsa.N.Bytes(), good()),
		"HMAC by nothing":             token(t, jwt.SigningMethodHS256, []byte{}, good()),
		"another key":                 token(t, jwt.SigningMethodRS256, keys().otherRSA, good()),
		"another algorithm":           token(t, jwt.SigningMethodRS512, keys().rsa, good()),
		"another padding":             token(t, jwt.SigningMethodPS256, keys().rsa, good()),
		"another kind of key":         token(t, jwt.SigningMethodES256, keys().ecdsa, good()),
		"its own key":                 token(t, jwt.SigningMethodHS256, []byte(secret), good(), hidden),
		"another's signature":         other[:strings.LastIndexByte(other, '.')+1] + signature,
		"unknown extensions":          token(t, jwt.SigningMethodRS256, keys().rsa, good(), map[string]any{"crit": []string{"b64"}, "b64": false}),
	} {
		checkToken(t, name, rs, withToken(t, "Bearer "+sent), false)
	}
	checkToken(t, "not forged", rs, withToken(t, "Bearer "+signed), true)
	checkToken(t, "RSA for a secret", hmacConfig(), withToken(t, "Bearer "+signed), false)
	checkToken(t, "another secret", hmacConfig(), withToken(t, "Bearer "+token(t, jwt.SigningMethodHS256, []byte(secret+"x"), good())), false)
	checkToken(t, "another HMAC", hmacConfig(), withToken(t, "Bearer "+token(t, jwt.SigningMethodHS512, []byte(secret), good())), false)
}

func TestJWTThatCannotBe(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(keys().rsa)
	if err != nil {
		t.Fatal(err)
	}
	with := func(change func(*middleware.JWTConfig)) middleware.Resolver {
		cfg := hmacConfig()
		change(&cfg)
		return middleware.JWT(cfg)
	}
	pemKey := func(key []byte, algorithms ...string) middleware.Resolver {
		return middleware.JWT(middleware.JWTConfig{PublicKey: key, Algorithms: algorithms, AnyAudience: true})
	}
	rs := public(t, keys().rsa)
	for want, resolvers := range map[string][]middleware.Resolver{
		"JWTConfig.Secret, PublicKey, Keys": {
			with(func(c *middleware.JWTConfig) { c.Secret = nil }),
			with(func(c *middleware.JWTConfig) { c.PublicKey = rs }),
			with(func(c *middleware.JWTConfig) { c.Keys = &middleware.JWKS{} }),
		},
		"JWTConfig.Secret: it has to have at least": {
			with(func(c *middleware.JWTConfig) { c.Secret = []byte(secret[1:]) }),
			with(func(c *middleware.JWTConfig) { c.Secret = []byte{} }),
			with(func(c *middleware.JWTConfig) { c.Algorithms = []string{"HS256", "HS384"} }),
			with(func(c *middleware.JWTConfig) { c.Secret, c.Algorithms = []byte(secret+secret[1:]), []string{"HS512"} }),
		},
		"JWTConfig.Audience":    {with(func(c *middleware.JWTConfig) { c.Audience = "" })},
		"JWTConfig.AnyAudience": {with(func(c *middleware.JWTConfig) { c.AnyAudience = true })},
		"JWTConfig.Leeway": {
			with(func(c *middleware.JWTConfig) { c.Leeway = -1 }),
			with(func(c *middleware.JWTConfig) { c.Leeway = time.Hour }),
		},
		"JWTConfig.Algorithms": {
			with(func(c *middleware.JWTConfig) { c.Algorithms = []string{"none"} }),
			with(func(c *middleware.JWTConfig) { c.Algorithms = []string{"HS256", "RS256"} }),
			with(func(c *middleware.JWTConfig) { c.Algorithms = []string{"hs256"} }),
			with(func(c *middleware.JWTConfig) {
				c.Secret, c.Keys, c.Algorithms = nil, &middleware.JWKS{}, []string{"HS256"}
			}),
			pemKey(rs, "HS256"), pemKey(rs, "RS256", "HS256"), pemKey(rs, "ES256"), pemKey(rs, "none"),
			pemKey(public(t, keys().ecdsa), "ES384"), pemKey(public(t, keys().ed25519), "RS256"),
		},
		"JWTConfig.PublicKey": {
			pemKey([]byte("secret")), pemKey(append(rs, rs...)), pemKey(public(t, small)), pemKey(public(t, p224)),
			pemKey(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
			pemKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
		},
	} {
		checkRefusedByNew(t, want, resolvers...)
	}
	refused := with(func(c *middleware.JWTConfig) { c.Secret = []byte("too short") })
	if got, err := refused.Resolve(withToken(t, "Bearer x")); err == nil || got != (middleware.Resolution{}) || strings.Contains(err.Error(), "too short") {
		t.Errorf("got %+v and %v", got, err)
	}
}

// Handlers see the claims, and what is wrong with a token is in the log without it.
func TestTokenThroughTheGate(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	h := wrap(t, newTenants(), middleware.JWT(hmacConfig()), middleware.Config{Logger: logger}, func(w http.ResponseWriter, r *http.Request) {
		claims, ok := middleware.Claims(r.Context())
		if !ok || claims["sub"] != "jo" {
			t.Errorf("the handler got %v", claims)
		}
		whoAmI(w, r)
	})
	accepted := token(t, jwt.SigningMethodHS256, []byte(secret), good())
	expired := token(t, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"exp": 1}))
	for sent, want := range map[string]string{accepted: "id of acme", expired: notFound, "garbage-of-some-length": notFound} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, withToken(t, "Bearer "+sent))
		if w.Body.String() != want || w.Header().Get("Vary") != "Authorization" {
			t.Errorf("got %d %s, %v", w.Code, w.Body, w.Header())
		}
		for part := range strings.SplitSeq(sent, ".") {
			if strings.Contains(log.String(), part) {
				t.Errorf("the log has a part of the token: %s", &log)
			}
		}
	}
	if !strings.Contains(log.String(), "the token has expired") || !strings.Contains(log.String(), "the token is malformed") {
		t.Errorf("the log does not say why: %s", &log)
	}
	if claims, ok := middleware.Claims(t.Context()); ok || claims != nil {
		t.Errorf("claims from nowhere: %v", claims)
	}
}

// A token says who, a header says which of the user's tenants.
func TestTokenPrincipal(t *testing.T) {
	t.Parallel()
	principal, err := middleware.TokenPrincipal(hmacConfig())
	if err != nil {
		t.Fatal(err)
	}
	sent := token(t, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"tenant_id": nil}))
	if claims, ok := principal(withToken(t, "Bearer "+sent)).(jwt.MapClaims); !ok || claims["sub"] != "jo" {
		t.Errorf("the principal is %v", claims)
	}
	for _, r := range []*http.Request{request(t, "/"), withToken(t, "Bearer "+sent+"x"), withToken(t, "Basic x")} {
		if got := principal(r); got != nil {
			t.Errorf("%v is %v", r.Header, got)
		}
	}
	if _, err := middleware.TokenPrincipal(middleware.JWTConfig{}); err == nil || !strings.Contains(err.Error(), "TokenPrincipal: JWTConfig.") {
		t.Errorf("got %v", err)
	}
}

// Nothing but the token that was signed is accepted.
func FuzzJWT(f *testing.F) {
	cfg := hmacConfig()
	cfg.Algorithms = []string{"HS256"}
	resolver := middleware.JWT(cfg)
	signed := "Bearer " + token(f, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"exp": 1 << 40}))
	for _, sent := range []string{signed, "", "Bearer", "bearer a.b.c", signed + "=", signed[:50], "Basic x", strings.ToUpper(signed)} {
		f.Add(sent)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		got, err := resolver.Resolve(&http.Request{Header: http.Header{"Authorization": {sent}}})
		scheme, rest, _ := strings.Cut(sent, " ")
		same := strings.EqualFold(scheme, "Bearer") && "Bearer "+strings.Trim(rest, " ") == signed
		if (got.Identifier == "acme") != same || same && err != nil {
			t.Errorf("%q: got %+v and %v", sent, got, err)
		}
	})
}
