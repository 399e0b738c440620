package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/golang-jwt/jwt/v5"
	_ "modernc.org/sqlite" // the database driver "sqlite", in pure Go

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime" // ent's hooks and policies, the tenant's among them
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

// service is the server without its listener.
type service struct {
	handler http.Handler
	secret  []byte // of tokens; in production the issuer's public key or JWKS
	account *audit.Log
	db      *sql.DB
	dir     string
}

// newService opens the database and puts everything in front of the API.
func newService(ctx context.Context, logs io.Writer) (*service, error) {
	logger := slog.New(slog.NewTextHandler(logs, nil))
	account, err := audit.New([]audit.Sink{audit.NewSlogSink(logger)}, audit.Config{})
	if err != nil {
		return nil, err
	}
	s := &service{secret: make([]byte, 32), account: account}
	_, _ = rand.Read(s.secret) // it never fails
	client, tenants, err := s.open(ctx)
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	limiter, err := newLimiter()
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	counts := &outcomes{}
	perTenant, err := middleware.New(tenants, s.resolver(), middleware.Config{
		Excluded: []string{"GET /metrics", "GET /health"},
		Limiter:  limiter,
		Actor:    middleware.PrincipalName,
		Observer: counts,
		Logger:   logger,
	})
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.handler = perTenant((&api{client: client, account: account, outcomes: counts}).routes())
	return s, nil
}

// open makes the database, the tables and two tenants.
func (s *service) open(ctx context.Context) (*ent.Client, *registry.EntStore, error) {
	var err error
	if s.dir, err = os.MkdirTemp("", "tenancy-server-"); err != nil {
		return nil, nil, err
	}
	s.db, err = sql.Open("sqlite", "file:"+filepath.Join(s.dir, "server.db")+
		"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return nil, nil, err
	}
	driver := entsql.OpenDB(dialect.SQLite, s.db)
	client := ent.NewClient(ent.Driver(driver))
	if err := client.Schema.Create(ctx); err != nil {
		return nil, nil, err
	}
	tenants, err := registry.NewEntStore(driver, registry.EntConfig{})
	if err != nil {
		return nil, nil, err
	}
	if err := tenants.Init(ctx); err != nil {
		return nil, nil, err
	}
	for _, identifier := range []string{"acme", "globex"} {
		if _, err := tenants.Create(ctx, registry.NewTenant{Identifier: identifier, Name: identifier, Status: tenancy.StatusActive}); err != nil {
			return nil, nil, err
		}
	}
	return client, tenants, nil
}

// newLimiter lets each tenant send five requests a minute, to be over it soon.
func newLimiter() (*ratelimit.Tenants, error) {
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		return nil, err
	}
	return ratelimit.NewTenants(local, ratelimit.PerMinute(5), ratelimit.TenantsConfig{})
}

const audience = "tenancy-example"

// resolver takes the tenant from a claim of the token, which proves it.
func (s *service) resolver() middleware.Resolver {
	return middleware.JWT(middleware.JWTConfig{Secret: s.secret, Audience: audience})
}

// token signs in a user, "ann@acme", for ten minutes.
func (s *service) token(user string) (string, error) {
	_, tenant, _ := strings.Cut(user, "@")
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "tenant_id": tenant, "aud": audience, "exp": time.Now().Add(10 * time.Minute).Unix(),
	}).SignedString(s.secret)
}

func (s *service) close() error {
	end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.account.Close(end)
	if s.db != nil {
		err = errors.Join(err, s.db.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
