package main

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	_ "modernc.org/sqlite" // the database driver "sqlite", in pure Go

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyprom"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/migrate"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime" // ent's hooks and policies, the tenant's among them
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// service is the server without its listeners.
type service struct {
	manager   *manager.Manager
	tenants   http.Handler // the API
	operators http.Handler // health and metrics, which name tenants: never for strangers
	secret    string       // of tokens
	dir       string
}

const audience = "tenancy-example"

// config is what an operator decides. A real server calls manager.FromEnv: all
// of it can come from the environment.
func config(dir, secret string) manager.Config {
	return manager.Config{
		Database:   manager.DatabaseConfig{URL: tenancy.NewSecret("sqlite://" + filepath.Join(dir, "server.db"))},
		Resolution: manager.ResolutionConfig{Strategies: []manager.Strategy{manager.StrategyJWT}},
		// In production this is the issuer's JWKSURL, and nobody shares a secret.
		JWT:       manager.JWTConfig{Secret: tenancy.NewSecret(secret), Audience: audience},
		RateLimit: manager.RateLimitConfig{Requests: 5}, // a minute for each tenant, to be over it soon
		Audit:     manager.AuditConfig{Sinks: []manager.AuditSink{manager.AuditSinkLog}},
	}
}

// newService puts everything together. The account and the log go to logs.
func newService(ctx context.Context, logs io.Writer) (*service, error) {
	dir, err := os.MkdirTemp("", "tenancy-server-")
	if err != nil {
		return nil, err
	}
	s := &service{secret: rand.Text() + rand.Text(), dir: dir}
	s.manager, err = manager.New(ctx, config(dir, s.secret), manager.App{
		Tenancy: migrate.Tenancy, // generated: whose rows are in which table
		Logger:  slog.New(slog.NewTextHandler(logs, nil)),
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.close()) //nolint:contextcheck // it ends when all is done
	}
	return s, nil
}

// start makes tables, two tenants and the handlers.
func (s *service) start(ctx context.Context) error {
	if err := s.manager.Start(ctx); err != nil {
		return err
	}
	client := ent.NewClient(ent.TenancyDriver(s.manager.Driver()))
	if err := client.Schema.Create(tenancy.System(ctx, "creating the tables")); err != nil {
		return err
	}
	for _, identifier := range []string{"acme", "globex"} {
		if _, err := s.manager.Provision(ctx, registry.NewTenant{Identifier: identifier, Name: identifier}); err != nil {
			return err
		}
	}
	s.tenants = s.manager.Handler((&api{client: client, account: s.manager.Audit()}).routes())
	return s.mountOperators()
}

func (s *service) mountOperators() error {
	collector, err := tenancyprom.New(s.manager.Metrics())
	if err != nil {
		return err
	}
	metrics := prometheus.NewRegistry()
	metrics.MustRegister(collector)

	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.Handle("GET /metrics.json", s.manager.MetricsHandler())
	mux.Handle("GET /health", s.manager.HealthHandler())
	mux.Handle("GET /ready", s.manager.ReadyHandler())
	s.operators = mux
	return nil
}

// token signs in a user, "ann@acme", for ten minutes.
func (s *service) token(user string) (string, error) {
	_, tenant, _ := strings.Cut(user, "@")
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "tenant_id": tenant, "aud": audience, "exp": time.Now().Add(10 * time.Minute).Unix(),
	}).SignedString([]byte(s.secret))
}

func (s *service) close() error { return errors.Join(s.manager.Close(), os.RemoveAll(s.dir)) }
