package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
)

// JWTConfig says which tokens count. One of Secret, PublicKey and Keys has to be
// given, and one of Audience and AnyAudience.
type JWTConfig struct {
	// Secret is the key of tokens that are signed with HMAC: random, and as long
	// as the algorithm's hash, which is 32 bytes for HS256.
	Secret []byte
	// PublicKey is the key of tokens that are signed with RSA, ECDSA or Ed25519,
	// as PEM: a public key or a certificate. An RSA key has at least 2048 bits.
	PublicKey []byte
	// Keys are the keys of an issuer that changes them.
	Keys *JWKS

	// Algorithms are those that a token may be signed with (RFC 7518 §3.1). They
	// have to be for the kind of key. Defaults to the usual one for the key:
	// HS256, RS256, the one of the curve, EdDSA; with Keys all of RS256, ES256
	// and EdDSA.
	Algorithms []string
	// Issuer is what a token's "iss" has to be. Defaults to any: the key alone
	// says whose it is.
	Issuer string
	// Audience is what a token's "aud" has to be, or name among others.
	Audience string
	// AnyAudience accepts tokens whatever their "aud" is, if there is one. A
	// token that was given to another service of the same issuer is then as good
	// here as there.
	AnyAudience bool
	// Leeway is how far the clocks of issuer and server may be apart, when "exp"
	// and "nbf" are looked at. It is at most five minutes. Defaults to none.
	Leeway time.Duration

	// IDClaim names the claim that holds the tenant's id, as in [tenancy.Tenant].
	// Prefer it to Claim: an id is never another tenant's, while an identifier is
	// free once its tenant is renamed or erased, and a token that names it is
	// then whoever's takes it. Defaults to none.
	IDClaim string
	// Claim names the claim that holds the tenant's identifier. Defaults to
	// "tenant_id", and to none with IDClaim. If both are given, it is read from
	// tokens without an IDClaim: for as long as there are some.
	Claim string
}

// maxToken is the length of the longest token that is looked at.
const maxToken = 16 << 10

// maxLeeway is as far as a clock can be wrong without being repaired.
const maxLeeway = 5 * time.Minute

// JWT returns a resolver that reads the tenant's id or identifier from a claim
// of a signed token (RFC 7519) in the Authorization header: "Bearer", in any
// case, and the token. The token's claims are the principal, a [jwt.MapClaims]: they are what
// Config.Authorize is given, and handlers get them from [Claims].
//
// A request without the header, or with another scheme, names no tenant. A token
// is refused if its signature does not hold, if its algorithm is not allowed, if
// it has expired or does not say when it does, if issuer or audience are wrong,
// if it names extensions that have to be understood ("crit"), if it is longer
// than 16 KiB, or if the claim is missing or no text. If its key is not known
// because those of the issuer cannot be fetched, that is [tenancy.ErrUnavailable].
// No error repeats anything of it.
//
// It is a proof only where nothing else names the tenant: with another resolver
// in a [First] the token is optional. [Agree] asks for it in every request, and
// Config.Authorize refuses whoever has sent none.
//
// New refuses a JWTConfig that is not complete, or not safe.
func JWT(cfg JWTConfig) Resolver {
	v, err := newVerifier(cfg)
	return &jwtResolver{verifier: v, err: err}
}

type jwtResolver struct {
	*verifier
	err error // of its making
}

func (j *jwtResolver) Validate() error {
	if j.err != nil {
		return fmt.Errorf("middleware: JWT: %w", j.err)
	}
	return nil
}

func (j *jwtResolver) Vary() []string { return []string{"Authorization"} }

func (j *jwtResolver) Resolve(r *http.Request) (Resolution, error) {
	if j.err != nil {
		return Resolution{}, j.Validate()
	}
	claims, err := j.claims(r)
	if err != nil || claims == nil {
		return Resolution{}, err
	}
	named := j.tenant(claims)
	if !named.named() {
		return Resolution{}, fmt.Errorf("%w: the token's claim is missing or no text", tenancy.ErrInvalidIdentifier)
	}
	named.Principal = claims
	return named, nil
}

// TokenPrincipal returns a function for Config.Principal: the principal of a
// request is the claims of its token, as with [JWT], while the tenant is named
// elsewhere. It is for users of several tenants, whom Config.Authorize binds to
// them. A token that does not hold is nobody's. If its key could not be fetched the
// Gate is told so, and answers as if the tenant's lookup had failed. The claims of
// the tenant are not looked at.
func TokenPrincipal(cfg JWTConfig) (func(*http.Request) any, error) {
	v, err := newVerifier(cfg)
	if err != nil {
		return nil, fmt.Errorf("middleware: TokenPrincipal: %w", err)
	}
	return func(r *http.Request) any {
		claims, err := v.claims(r)
		if isFailure(err) {
			unsure(r, err)
		}
		if err != nil || claims == nil {
			return nil
		}
		return claims
	}, nil
}

// Claims returns the claims of the token that the request was sent with, if its
// principal is that of [JWT] or [TokenPrincipal]. They are not to be changed.
func Claims(ctx context.Context) (jwt.MapClaims, bool) {
	claims, ok := PrincipalFromContext(ctx).(jwt.MapClaims)
	return claims, ok
}

// verifier verifies tokens.
type verifier struct {
	parser  *jwt.Parser
	key     func(context.Context) jwt.Keyfunc
	idClaim string // empty if tokens have none
	claim   string // of the identifier, empty likewise
}

func newVerifier(cfg JWTConfig) (*verifier, error) {
	keys, err := newTokenKeys(cfg)
	if err != nil {
		return nil, err
	}
	switch {
	case cfg.Audience == "" && !cfg.AnyAudience:
		return nil, errors.New("JWTConfig.Audience: it is empty; set it, or AnyAudience")
	case cfg.Audience != "" && cfg.AnyAudience:
		return nil, errors.New("JWTConfig.AnyAudience: Audience is set too")
	case cfg.Leeway < 0 || cfg.Leeway > maxLeeway:
		return nil, fmt.Errorf("JWTConfig.Leeway: it has to be from zero to %s", maxLeeway)
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(keys.algorithms), jwt.WithExpirationRequired(), jwt.WithLeeway(cfg.Leeway), jwt.WithStrictDecoding(),
	}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	v := &verifier{parser: jwt.NewParser(options...), key: keys.find, idClaim: cfg.IDClaim, claim: cfg.Claim}
	if v.idClaim == "" {
		v.claim = cmp.Or(v.claim, "tenant_id")
	}
	return v, nil
}

// tenant returns whom the claims name, nobody if what should is no text.
func (v *verifier) tenant(claims jwt.MapClaims) Resolution {
	if claimed, ok := claims[v.idClaim]; v.idClaim != "" && (ok || v.claim == "") {
		id, _ := claimed.(string)
		return Resolution{ID: tenancy.ID(id)}
	}
	identifier, _ := claims[v.claim].(string)
	return Resolution{Identifier: identifier}
}

// claims returns those of the request's token, and nil if it has none.
func (v *verifier) claims(r *http.Request) (jwt.MapClaims, error) {
	token, err := bearer(r.Header["Authorization"])
	if err != nil || token == "" {
		return nil, err
	}
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: the token is too long", tenancy.ErrUnauthenticated)
	}
	claims := jwt.MapClaims{}
	parsed, err := v.parser.ParseWithClaims(token, claims, v.key(r.Context()))
	if err != nil {
		return nil, tokenError(err)
	}
	if _, ok := parsed.Header["crit"]; ok { // RFC 7515 §4.1.11
		return nil, fmt.Errorf("%w: the token has extensions that are not known", tenancy.ErrUnauthenticated)
	}
	return claims, nil
}

// bearer returns the token of an Authorization header (RFC 6750 §2.1), and
// nothing for another scheme.
func bearer(sent []string) (string, error) {
	if len(sent) == 0 {
		return "", nil
	}
	if len(sent) > 1 {
		return "", fmt.Errorf("%w: the Authorization header was sent more than once", tenancy.ErrUnauthenticated)
	}
	scheme, token, _ := strings.Cut(sent[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", nil
	}
	token = strings.Trim(token, " ")
	if token == "" {
		return "", fmt.Errorf("%w: the token is empty", tenancy.ErrUnauthenticated)
	}
	return token, nil
}

// tokenError says what is wrong with a token in words that have nothing of it.
// The parser's own have some.
func tokenError(err error) error {
	if isFailure(err) {
		return errKeys
	}
	for _, known := range []struct {
		err  error
		text string
	}{
		{jwt.ErrTokenMalformed, "the token is malformed"},
		{jwt.ErrTokenUnverifiable, "the token's key or algorithm is not known"},
		{jwt.ErrTokenSignatureInvalid, "the token's signature or algorithm is not valid"},
		{jwt.ErrTokenExpired, "the token has expired"},
		{jwt.ErrTokenNotValidYet, "the token is not valid yet"},
		{jwt.ErrTokenInvalidAudience, "the token is for another audience"},
		{jwt.ErrTokenInvalidIssuer, "the token is another issuer's"},
		{jwt.ErrTokenRequiredClaimMissing, "the token lacks a claim that it has to have"},
	} {
		if errors.Is(err, known.err) {
			return fmt.Errorf("%w: %s", tenancy.ErrUnauthenticated, known.text)
		}
	}
	return fmt.Errorf("%w: the token is not valid", tenancy.ErrUnauthenticated)
}
