package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// get returns a request for the examples.
func get(url string) *http.Request {
	return httptest.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
}

func ExampleSubdomain() {
	bySubdomain := middleware.Subdomain("example.com", "status")
	for _, host := range []string{"acme.example.com:443", "status.example.com", "acme.evil.example.com"} {
		resolution, err := bySubdomain.Resolve(get("https://" + host + "/"))
		fmt.Printf("%q %v\n", resolution.Identifier, err)
	}
	// Output:
	// "acme" <nil>
	// "" <nil>
	// "" tenancy: invalid tenant identifier: the host is more than one label below the suffix
}

func ExamplePath() {
	resolution, err := middleware.Path("/t").Resolve(get("/t/acme/orders/1"))
	fmt.Println(resolution.Identifier, resolution.Path, err)
	// Output:
	// acme /orders/1 <nil>
}

func ExampleQuery() {
	resolution, err := middleware.Query("tenant").Resolve(get("/?tenant=acme"))
	fmt.Println(resolution.Identifier, err)
	// Output:
	// acme <nil>
}

func ExampleCookie() {
	r := get("/")
	r.AddCookie(&http.Cookie{Name: "tenant", Value: "acme"})
	resolution, err := middleware.Cookie("tenant").Resolve(r)
	fmt.Println(resolution.Identifier, err)
	// Output:
	// acme <nil>
}

func ExampleHost() {
	byDomain := middleware.Host(&domains{of: map[string]string{"shop.acme.test": "acme"}})
	resolution, err := byDomain.Resolve(get("https://shop.acme.test/"))
	fmt.Println(resolution.Identifier, err)
	// Output:
	// acme <nil>
}

func ExampleFirst() {
	either := middleware.First(middleware.Subdomain("example.com"), middleware.Header(middleware.HeaderName))
	r := get("https://api.example.com/")
	r.Header.Set(middleware.HeaderName, "acme")
	resolution, err := either.Resolve(r)
	fmt.Println(resolution.Identifier, err)
	// Output:
	// acme <nil>
}

func ExampleAgree() {
	both := middleware.Agree(middleware.Subdomain("example.com"), middleware.Optional(middleware.Header(middleware.HeaderName)))
	r := get("https://acme.example.com/")
	r.Header.Set(middleware.HeaderName, "globex")
	_, err := both.Resolve(r)
	fmt.Println(err)
	// Output:
	// tenancy: invalid tenant identifier: different ones are named
}

func ExampleJWT() {
	secret := []byte("a secret of at least thirty-two bytes")
	byToken := middleware.JWT(middleware.JWTConfig{Secret: secret, Issuer: "https://login.example.com", Audience: "shop"})
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"tenant_id": "acme", "iss": "https://login.example.com", "aud": "shop", "exp": time.Now().Add(time.Hour).Unix(),
	}).SignedString(secret)
	if err != nil {
		log.Fatal(err)
	}
	r := get("/")
	r.Header.Set("Authorization", "Bearer "+signed)
	resolution, err := byToken.Resolve(r)
	fmt.Println(resolution.Identifier, err)
	// Output:
	// acme <nil>
}

// A user of several tenants says who they are by a token, and by the host which
// tenant they mean.
func ExampleTokenPrincipal() {
	principal, err := middleware.TokenPrincipal(middleware.JWTConfig{Secret: []byte("a secret of at least thirty-two bytes"), AnyAudience: true})
	if err != nil {
		log.Fatal(err)
	}
	tenants, err := middleware.New(oneTenant{}, middleware.Subdomain("example.com"), middleware.Config{
		Principal: principal,
		Authorize: func(_ context.Context, principal any, tenant tenancy.Tenant) error {
			claims, ok := principal.(jwt.MapClaims)
			if !ok || claims["sub"] != "jo" || tenant.Identifier != "acme" { // the application's own table
				return errors.New("no member")
			}
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	w := httptest.NewRecorder()
	tenants(http.NotFoundHandler()).ServeHTTP(w, get("https://acme.example.com/")) // nobody
	fmt.Println(w.Body)
	// Output:
	// {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
}

func ExampleNewJWKS() {
	_, err := middleware.NewJWKS(context.Background(), "http://login.example.com/jwks.json", middleware.JWKSConfig{})
	fmt.Println(err)
	// Output:
	// middleware: NewJWKS: address: not https; see JWKSConfig.AllowHTTP
}

func ExampleNewGate() {
	gate, err := middleware.NewGate(oneTenant{}, middleware.Path("/t"), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	for _, url := range []string{"/t/acme/orders", "/t/globex/orders"} {
		a := gate.Admit(get(url))
		if a.Refusal != nil {
			fmt.Println(a.Refusal.Problem().Status, a.Refusal.Err)
			continue
		}
		fmt.Println(a.Tenant, a.Request.URL.Path)
	}
	// Output:
	// tenant(42 acme) /orders
	// 404 tenancy: tenant not found
}
