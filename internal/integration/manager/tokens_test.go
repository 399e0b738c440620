package manager_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// TestTokensNameTenants has each kind of key.
func TestTokensNameTenants(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	must(t, err)
	_, foreign, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	issuer := publishes(t, public)
	secret, other := strings.Repeat("k", 32), strings.Repeat("o", 32)
	for name, c := range map[string]struct {
		config     manager.JWTConfig
		method     jwt.SigningMethod
		key, wrong any
	}{
		"secret": {manager.JWTConfig{Secret: tenancy.NewSecret(secret)}, jwt.SigningMethodHS256, []byte(secret), []byte(other)},
		"public key": {
			manager.JWTConfig{PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))},
			jwt.SigningMethodEdDSA, private, foreign,
		},
		"published keys": {manager.JWTConfig{JWKSURL: issuer.URL}, jwt.SigningMethodEdDSA, private, foreign},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := sqliteConfig(t)
			config.Migrations.AtStart = true
			config.Resolution.Strategies = []manager.Strategy{manager.StrategyJWT}
			config.JWT = c.config
			config.JWT.Audience = "notes"
			config.Audit.Disabled = true
			files := migrations(t, dialect.SQLite)
			m := open(t, config, manager.App{Migrations: files, SharedMigrations: files, HTTPClient: issuer.Client()})
			_, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
			must(t, err)
			for want, key := range map[int]any{http.StatusOK: c.key, http.StatusNotFound: c.wrong} {
				token := jwt.NewWithClaims(c.method, jwt.MapClaims{"tenant_id": "acme", "aud": "notes", "exp": time.Now().Add(time.Hour).Unix()})
				token.Header["kid"] = "first"
				signed, err := token.SignedString(key)
				must(t, err)
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/notes", nil)
				r.Header.Set("Authorization", "Bearer "+signed)
				w := httptest.NewRecorder()
				api(m).ServeHTTP(w, r)
				if w.Code != want {
					t.Errorf("got %d %s, want %d", w.Code, w.Body, want)
				}
			}
		})
	}
}

// A token that names a tenant by its id is that tenant's, whoever has its identifier.
func TestTokensNameTenantsByID(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("k", 32)
	config := sqliteConfig(t)
	config.Migrations.AtStart = true
	config.Resolution.Strategies = []manager.Strategy{manager.StrategyJWT}
	config.JWT = manager.JWTConfig{Secret: tenancy.NewSecret(secret), Audience: "notes", IDClaim: "tid"}
	config.Audit.Disabled = true
	files := migrations(t, dialect.SQLite)
	m := open(t, config, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	acme.Identifier = "acme-corp"
	_, err = m.Store().Update(t.Context(), acme)
	must(t, err)
	_, err = m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Another"})
	must(t, err)
	handler := m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, err := tenancy.FromContext(r.Context())
		must(t, err)
		_, _ = io.WriteString(w, tenant.Name)
	}))
	for want, claims := range map[string]jwt.MapClaims{"Acme": {"tid": acme.ID, "tenant_id": "acme"}, "": {"tenant_id": "acme"}} {
		claims["aud"], claims["exp"] = "notes", time.Now().Add(time.Hour).Unix()
		signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
		must(t, err)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("Authorization", "Bearer "+signed)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if (w.Code == http.StatusOK) != (want != "") || want != "" && w.Body.String() != want {
			t.Errorf("got %d %s, want %q", w.Code, w.Body, want)
		}
	}
}

// publishes is an issuer with one key.
func publishes(tb testing.TB, public ed25519.PublicKey) *httptest.Server {
	tb.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","use":"sig","alg":"EdDSA","kid":"first","x":"`+
			base64.RawURLEncoding.EncodeToString(public)+`"}]}`)
	}))
	tb.Cleanup(server.Close)
	return server
}
