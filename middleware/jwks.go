package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"
)

// JWKS are the public keys of an issuer, as it publishes them (RFC 7517 §5). A
// token says by "kid" which of them it is signed with. While they cannot be
// fetched, nobody can say of a key that is not known whether it is the issuer's:
// that is [tenancy.ErrUnavailable]. It is safe for concurrent use.
type JWKS struct {
	keys    keyfunc.Keyfunc
	known   *fetched
	fetch   jwkset.Storage // fetches what it does not have
	timeout time.Duration
	unknown *rate.Limiter
	flights singleflight.Group
}

// fetched are the keys that were fetched last.
type fetched struct {
	*jwkset.MemoryJWKSet
	failed atomic.Bool // since then they could not be fetched anew
}

// KeyReplaceAll is called with the keys whenever they have been fetched.
func (f *fetched) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	err := f.MemoryJWKSet.KeyReplaceAll(ctx, keys)
	f.failed.Store(err != nil)
	return err
}

// JWKSConfig is what a JWKS can be told. The zero JWKSConfig works.
type JWKSConfig struct {
	// Client fetches the keys. It follows redirects to URLs with TLS only, unless
	// AllowHTTP is set. Defaults to [http.DefaultClient].
	Client *http.Client
	// Timeout is how long that may take. Defaults to 10 seconds.
	Timeout time.Duration
	// Refresh is how often the keys are fetched anew. A key that the issuer has
	// withdrawn counts until then. Defaults to 15 minutes.
	Refresh time.Duration
	// UnknownRefresh is how often they are fetched anew at most because a token
	// names a key that is not known. Defaults to 10 seconds.
	UnknownRefresh time.Duration
	// AllowHTTP accepts a URL without TLS, and redirects to one, where whoever can
	// get between gives out keys of their own.
	AllowHTTP bool
	// Logger hears at error level of keys that cannot be fetched. Those that
	// were fetched last go on to count. Defaults to none.
	Logger *slog.Logger
}

// NewJWKS fetches the keys that are published at a URL, and fetches them anew
// from time to time until ctx is over. It fails if they cannot be fetched now.
func NewJWKS(ctx context.Context, address string, cfg JWKSConfig) (*JWKS, error) {
	if err := cfg.check(address); err != nil {
		return nil, fmt.Errorf("middleware: NewJWKS: %w", err)
	}
	cfg.Timeout, cfg.Refresh = cmp.Or(cfg.Timeout, 10*time.Second), cmp.Or(cfg.Refresh, 15*time.Minute)
	cfg.UnknownRefresh, cfg.Logger = cmp.Or(cfg.UnknownRefresh, 10*time.Second), cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	known := &fetched{MemoryJWKSet: jwkset.NewMemoryStorage()}
	published, err := jwkset.NewStorageFromHTTP(address, jwkset.HTTPClientStorageOptions{
		Ctx: ctx, Client: cfg.client(), HTTPTimeout: cfg.Timeout, RefreshInterval: cfg.Refresh, Storage: known,
		RefreshErrorHandler: func(ctx context.Context, err error) {
			known.failed.Store(true)
			cfg.Logger.ErrorContext(ctx, "tenancy: fetching the keys of tokens failed", slog.Any("error", withoutURL(err)))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("middleware: NewJWKS: fetching the keys: %w", withoutURL(err))
	}
	fetch, err := jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
		HTTPURLs: map[string]jwkset.Storage{address: published}, RefreshUnknownKID: rate.NewLimiter(rate.Inf, 1),
	})
	if err != nil {
		return nil, fmt.Errorf("middleware: NewJWKS: %w", err)
	}
	k := &JWKS{known: known, fetch: fetch, timeout: cfg.Timeout, unknown: rate.NewLimiter(rate.Every(cfg.UnknownRefresh), 1)}
	k.keys, err = keyfunc.New(keyfunc.Options{Ctx: ctx, Storage: known, UseWhitelist: []jwkset.USE{jwkset.UseSig, ""}})
	if err != nil {
		return nil, fmt.Errorf("middleware: NewJWKS: %w", err)
	}
	return k, nil
}

func (cfg JWKSConfig) check(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return errors.New("address: not the URL of a web server")
	case u.Scheme == "http" && !cfg.AllowHTTP:
		return errors.New("address: not https; see JWKSConfig.AllowHTTP")
	case cfg.Timeout < 0 || cfg.Refresh < 0 || cfg.UnknownRefresh < 0:
		return errors.New("JWKSConfig.Timeout, Refresh, UnknownRefresh: one is negative")
	}
	return nil
}

// client is Client, kept from going where check would not let it.
func (cfg JWKSConfig) client() *http.Client {
	client := *cmp.Or(cfg.Client, http.DefaultClient)
	if cfg.AllowHTTP {
		return &client
	}
	follows := client.CheckRedirect
	client.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		switch {
		case r.URL.Scheme != "https":
			return errors.New("redirected to a URL that is not https; see JWKSConfig.AllowHTTP")
		case follows != nil:
			return follows(r, via)
		case len(via) >= 10: // as net/http does where nobody decides
			return errors.New("stopped after 10 redirects")
		default:
			return nil
		}
	}
	return &client
}

// withoutURL returns the error without the URL that was asked for, which can
// have a secret in it.
func withoutURL(err error) error {
	if asked := (*url.Error)(nil); errors.As(err, &asked) {
		return asked.Err
	}
	return err
}

var (
	errKey  = errors.New("the key is not known")
	errKeys = &unavailable{errors.New("middleware: the keys of tokens could not be fetched")}
)

// find returns the key that a token names. A token that names none is refused:
// to try all keys would be to let it choose.
func (k *JWKS) find(ctx context.Context) jwt.Keyfunc {
	find := k.keys.KeyfuncCtx(ctx)
	return func(token *jwt.Token) (any, error) {
		kid, ok := token.Header["kid"].(string)
		if !ok || kid == "" {
			return nil, errKey
		}
		if _, err := k.known.KeyRead(ctx, kid); err != nil {
			if err := k.refresh(ctx, kid); err != nil {
				return nil, err
			}
		}
		return find(token)
	}
}

// refresh fetches the keys, since the issuer may have a new one. All that ask
// meanwhile wait for the same fetch. Those that ask too soon after it do not
// wait: anyone can make up names of keys. It fails if the key is not known then
// because the keys could not be fetched.
func (k *JWKS) refresh(ctx context.Context, kid string) error {
	landed := k.flights.DoChan("", func() (any, error) {
		if !k.unknown.Allow() {
			return nil, errKey
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.timeout)
		defer cancel()
		return k.fetch.KeyRead(bounded, kid)
	})
	select {
	case <-landed:
	case <-ctx.Done():
		return errKeys
	}
	if _, err := k.known.KeyRead(ctx, kid); err != nil && k.known.failed.Load() {
		return errKeys
	}
	return nil
}
