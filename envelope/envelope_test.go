package envelope_test

import (
	"context"
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/envelope"
)

const secret = "a secret that has at least 32 bytes"

func key(id string) envelope.Key {
	return envelope.Key{ID: id, Secret: tenancy.NewSecret(secret + id)}
}

func newSealer(tb testing.TB, k envelope.Key, cfg envelope.SealerConfig) *envelope.Sealer {
	tb.Helper()
	s, err := envelope.NewSealer(k, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func newOpener(tb testing.TB, lookup envelope.Lookup, cfg envelope.OpenerConfig, keys ...envelope.Key) *envelope.Opener {
	tb.Helper()
	o, err := envelope.NewOpener(keys, lookup, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// registry has a tenant in each state.
func registry() tenants {
	ts := tenants{}
	for _, status := range append(tenancy.Statuses(), "") {
		id := tenancy.ID("is-" + status)
		ts[id] = tenancy.Tenant{ID: id, Status: status, Plan: "gold"}
	}
	return ts
}

const active = tenancy.ID("is-active")

func seal(tb testing.TB, s *envelope.Sealer, id tenancy.ID, purpose string) string {
	tb.Helper()
	text, err := s.Seal(tenancy.NewContext(tb.Context(), tenancy.Tenant{ID: id}), purpose)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

func TestOpen(t *testing.T) {
	t.Parallel()
	s, o := newSealer(t, key("1"), envelope.SealerConfig{}), newOpener(t, registry(), envelope.OpenerConfig{}, key("1"))
	text := seal(t, s, active, "send")
	for range 2 { // a job is tried again
		ctx, err := o.Open(tenancy.System(t.Context(), "the worker's own"), text, "send")
		if err != nil {
			t.Fatal(err)
		}
		tenant, err := tenancy.FromContext(ctx)
		if err != nil || tenant.ID != active || tenant.Plan != "gold" {
			t.Errorf("got %v (%v), want the registry's tenant", tenant, err)
		}
	}
}

func TestOpenRefusesTenants(t *testing.T) {
	t.Parallel()
	s, o := newSealer(t, key("1"), envelope.SealerConfig{}), newOpener(t, registry(), envelope.OpenerConfig{}, key("1"))
	for id, want := range map[tenancy.ID]error{
		"is-provisioning": tenancy.ErrInactive,
		"is-suspended":    tenancy.ErrInactive,
		"is-deleted":      tenancy.ErrInactive,
		"is-":             tenancy.ErrInactive,
		"nobody":          tenancy.ErrNotFound,
	} {
		if ctx, err := o.Open(t.Context(), seal(t, s, id, ""), ""); ctx != nil || !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", id, err, want)
		}
	}
}

// liar is a lookup that returns whatever it likes.
type liar struct {
	tenant tenancy.Tenant
	err    error
}

func (l liar) ByID(context.Context, tenancy.ID) (tenancy.Tenant, error) { return l.tenant, l.err }

func TestOpenDoesNotTrustTheLookup(t *testing.T) {
	t.Parallel()
	text := seal(t, newSealer(t, key("1"), envelope.SealerConfig{}), active, "")
	for want, lookup := range map[error]liar{
		tenancy.ErrCrossTenant: {tenant: tenancy.Tenant{ID: "another", Status: tenancy.StatusActive}},
		tenancy.ErrUnavailable: {err: tenancy.ErrUnavailable},
	} {
		if ctx, err := newOpener(t, lookup, envelope.OpenerConfig{}, key("1")).Open(t.Context(), text, ""); ctx != nil || !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestOpenForThePurposeOnly(t *testing.T) {
	t.Parallel()
	s, o := newSealer(t, key("1"), envelope.SealerConfig{}), newOpener(t, registry(), envelope.OpenerConfig{}, key("1"))
	purposes := []string{"", "send", "Send", "send ", "send/1", "versé", "<&>", strings.Repeat("é", 127)}
	for _, sealed := range purposes {
		text := seal(t, s, active, sealed)
		for _, opened := range purposes {
			_, err := o.Open(t.Context(), text, opened)
			if want := sealed != opened; want != errors.Is(err, tenancy.ErrInvalidEnvelope) || !want && err != nil {
				t.Errorf("sealed for %q, opened for %q: %v", sealed, opened, err)
			}
		}
	}
	for _, purpose := range []string{strings.Repeat("x", 256), "\xff"} {
		if _, err := s.Seal(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: active}), purpose); !errors.Is(err, tenancy.ErrInvalidEnvelope) {
			t.Errorf("purpose %q: got %v", purpose, err)
		}
	}
}

func TestEnvelopesExpire(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		o := newOpener(t, registry(), envelope.OpenerConfig{Leeway: -1}, key("1"))
		text := seal(t, newSealer(t, key("1"), envelope.SealerConfig{Lifetime: time.Hour}), active, "")
		time.Sleep(time.Hour - time.Second)
		if _, err := o.Open(t.Context(), text, ""); err != nil {
			t.Errorf("a second before: %v", err)
		}
		time.Sleep(time.Second)
		if ctx, err := o.Open(t.Context(), text, ""); ctx != nil || !errors.Is(err, tenancy.ErrEnvelopeExpired) {
			t.Errorf("after an hour: got %v", err)
		}
		if _, err := newOpener(t, registry(), envelope.OpenerConfig{}, key("1")).Open(t.Context(), text, ""); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		byDefault := seal(t, newSealer(t, key("1"), envelope.SealerConfig{}), active, "")
		time.Sleep(25 * time.Hour)
		if _, err := o.Open(t.Context(), byDefault, ""); !errors.Is(err, tenancy.ErrEnvelopeExpired) {
			t.Errorf("by default, after a day: got %v", err)
		}
	})
}

func TestSystemScopes(t *testing.T) {
	t.Parallel()
	s := newSealer(t, key("1"), envelope.SealerConfig{})
	text, err := s.Seal(tenancy.System(t.Context(), "nightly run"), "")
	if err != nil {
		t.Fatal(err)
	}
	if ctx, err := newOpener(t, registry(), envelope.OpenerConfig{}, key("1")).Open(t.Context(), text, ""); ctx != nil || !errors.Is(err, tenancy.ErrInvalidEnvelope) {
		t.Errorf("by default: got %v", err)
	}
	o := newOpener(t, registry(), envelope.OpenerConfig{System: true}, key("1"))
	ctx, err := o.Open(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "x"}), text, "")
	if err != nil {
		t.Fatal(err)
	}
	if scope, err := tenancy.ScopeFromContext(ctx); err != nil || !scope.System() || scope.Reason() != "nightly run" || scope.TenantID() != "" {
		t.Errorf("got %+v (%v)", scope, err)
	}
	for _, reason := range []string{strings.Repeat("é", 5000), "\xff", strings.Repeat("<", 5000)} {
		text, err := s.Seal(tenancy.System(t.Context(), reason), strings.Repeat("<", 255))
		if err == nil {
			_, err = o.Open(t.Context(), text, strings.Repeat("<", 255))
		}
		if err != nil {
			t.Errorf("a long or odd reason: %v", err)
		}
	}
}

func TestSealWithoutATenant(t *testing.T) {
	t.Parallel()
	s := newSealer(t, key("1"), envelope.SealerConfig{})
	for want, ctx := range map[error]context.Context{
		tenancy.ErrNoTenant: t.Context(),
		tenancy.ErrNoReason: tenancy.System(t.Context(), " "),
		tenancy.ErrInactive: tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "x", Status: tenancy.StatusSuspended}),
	} {
		if text, err := s.Seal(ctx, ""); text != "" || !errors.Is(err, want) {
			t.Errorf("got %q and %v, want %v", text, err, want)
		}
	}
}

func TestRotation(t *testing.T) {
	t.Parallel()
	before, after := newSealer(t, key("old"), envelope.SealerConfig{}), newSealer(t, key("new"), envelope.SealerConfig{})
	o := newOpener(t, registry(), envelope.OpenerConfig{}, key("old"), key("new"))
	for _, s := range []*envelope.Sealer{before, after} {
		if _, err := o.Open(t.Context(), seal(t, s, active, ""), ""); err != nil {
			t.Error(err)
		}
	}
	// A key that is gone, the same id with another secret, and another id with the same secret.
	for _, other := range []envelope.Key{key("new"), {ID: "old", Secret: key("new").Secret}, {ID: "other", Secret: key("old").Secret}} {
		_, err := newOpener(t, registry(), envelope.OpenerConfig{}, other).Open(t.Context(), seal(t, before, active, ""), "")
		if !errors.Is(err, tenancy.ErrInvalidEnvelope) || errors.Is(err, tenancy.ErrUnknownEnvelopeKey) != (other.ID != "old") {
			t.Errorf("%s: got %v", other.ID, err)
		}
	}
}

// Every change of every character is noticed, and so is whatever is added.
func TestTampering(t *testing.T) {
	t.Parallel()
	text, o := seal(t, newSealer(t, key("1"), envelope.SealerConfig{}), active, ""), newOpener(t, registry(), envelope.OpenerConfig{}, key("1"))
	refused := func(forged string) {
		t.Helper()
		ctx, err := o.Open(t.Context(), forged, "")
		if ctx != nil || !errors.Is(err, tenancy.ErrInvalidEnvelope) {
			t.Errorf("%q: got %v", forged, err)
		}
		if len(forged) > 3 && err != nil && strings.Contains(err.Error(), forged) {
			t.Errorf("the error repeats the envelope: %v", err)
		}
	}
	for i := range len(text) {
		for _, c := range "Az0_.=\x00" {
			if rune(text[i]) != c {
				refused(text[:i] + string(c) + text[i+1:])
			}
		}
		refused(text[:i])
		refused(text[:i] + text[i+1:])
	}
	for _, added := range []string{" ", "=", ".", "\n", "A", "." + text} {
		refused(text + added)
		refused(added + text)
	}
	refused(strings.Repeat("a", 1<<20))
}

// forge signs what it is told to.
func forge(t *testing.T, method jwt.SigningMethod, signer any, header map[string]any, claims jwt.MapClaims) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	maps.Copy(token.Header, header)
	text, err := token.SignedString(signer)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// A user's token is no envelope, even where both have the same secret and the
// user's says all that an envelope does.
func TestTokensAreNoEnvelopes(t *testing.T) {
	t.Parallel()
	o := newOpener(t, registry(), envelope.OpenerConfig{System: true}, key("1"))
	header := map[string]any{"typ": "tenancy-envelope", "kid": "1"}
	claims := func() jwt.MapClaims {
		now := time.Now()
		return jwt.MapClaims{"sub": string(active), "aud": "tenancy:envelope", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "tenancy_purpose": ""}
	}
	shared := []byte(secret + "1")
	for name, text := range map[string]string{
		"the secret itself":         forge(t, jwt.SigningMethodHS256, shared, header, claims()),
		"HS512":                     forge(t, jwt.SigningMethodHS512, shared, header, claims()),
		"none":                      forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, header, claims()),
		"an empty key":              forge(t, jwt.SigningMethodHS256, []byte{}, header, claims()),
		"an empty key id":           forge(t, jwt.SigningMethodHS256, []byte{}, map[string]any{"typ": "tenancy-envelope", "kid": ""}, claims()),
		"a key id that is a number": forge(t, jwt.SigningMethodHS256, shared, map[string]any{"typ": "tenancy-envelope", "kid": 1}, claims()),
	} {
		if ctx, err := o.Open(t.Context(), text, ""); ctx != nil || !errors.Is(err, tenancy.ErrInvalidEnvelope) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Nor is an envelope a user's token.
func TestEnvelopesAreNoTokens(t *testing.T) {
	t.Parallel()
	text := seal(t, newSealer(t, key("1"), envelope.SealerConfig{}), active, "")
	shared := func(*jwt.Token) (any, error) { return []byte(secret + "1"), nil }
	if _, err := jwt.Parse(text, shared, jwt.WithValidMethods([]string{"HS256"})); !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
		t.Errorf("an envelope passes for a token of the same secret: %v", err)
	}
	token, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	audience, err := token.Claims.GetAudience()
	if err != nil || len(audience) != 1 || audience[0] != "tenancy:envelope" || token.Header["typ"] != "tenancy-envelope" {
		t.Errorf("audience %v (%v) and type %v are not an envelope's own", audience, err, token.Header["typ"])
	}
}

func TestKeysAreChecked(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]envelope.Key{
		"ID must have":         {Secret: key("1").Secret},
		"ID must have 1":       {ID: strings.Repeat("x", 65), Secret: key("1").Secret},
		"ID must be":           {ID: "a b", Secret: key("1").Secret},
		"ID must be printable": {ID: "é", Secret: key("1").Secret},
		"Secret":               {ID: "1", Secret: tenancy.NewSecret("thirty-one bytes are not enough")},
		"Secret must":          {ID: "1"},
	} {
		_, sealer := envelope.NewSealer(bad, envelope.SealerConfig{})
		_, opener := envelope.NewOpener([]envelope.Key{key("0"), bad}, registry(), envelope.OpenerConfig{})
		for _, err := range []error{sealer, opener} {
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "thirty-one") {
				t.Errorf("%s: got %v", name, err)
			}
		}
	}
	for name, open := range map[string]func() (*envelope.Opener, error){
		"keys has none": func() (*envelope.Opener, error) { return envelope.NewOpener(nil, registry(), envelope.OpenerConfig{}) },
		"lookup is nil": func() (*envelope.Opener, error) {
			return envelope.NewOpener([]envelope.Key{key("1")}, nil, envelope.OpenerConfig{})
		},
		"same ID": func() (*envelope.Opener, error) {
			return envelope.NewOpener([]envelope.Key{key("1"), key("1")}, registry(), envelope.OpenerConfig{})
		},
	} {
		if _, err := open(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := envelope.NewSealer(key("1"), envelope.SealerConfig{Lifetime: -1}); err == nil {
		t.Error("a negative Lifetime was accepted")
	}
}

// FuzzOpen looks for a text that opens and was not sealed.
func FuzzOpen(f *testing.F) {
	s, o := newSealer(f, key("1"), envelope.SealerConfig{Lifetime: 1000 * time.Hour}), newOpener(f, registry(), envelope.OpenerConfig{System: true}, key("1"))
	genuine := seal(f, s, active, "send")
	encode := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, seed := range []string{
		genuine, "", ".", "..", "...", genuine[:len(genuine)-1], genuine + "A", "Bearer " + genuine,
		encode(`{"alg":"none","typ":"tenancy-envelope","kid":"1"}`) + "." + encode(`{"sub":"is-active","exp":99999999999}`) + ".",
		encode(`{"alg":"HS256","typ":"tenancy-envelope","kid":["1"]}`) + "." + encode(`{"sub":"is-active"}`) + "." + encode("x"),
		encode(`null`) + "." + encode(`null`) + "." + encode(`null`),
	} {
		f.Add(seed, "send")
		f.Add(seed, "")
	}
	f.Fuzz(func(t *testing.T, text, purpose string) {
		ctx, err := o.Open(t.Context(), text, purpose)
		switch {
		case text == genuine && purpose == "send":
			if err != nil {
				t.Error(err)
			}
		case err == nil || ctx != nil:
			t.Errorf("%q opens for %q", text, purpose)
		case !errors.Is(err, tenancy.ErrInvalidEnvelope):
			t.Errorf("%q: %v", text, err)
		}
	})
}

// FuzzSeal: whatever is sealed opens as it was.
func FuzzSeal(f *testing.F) {
	s := newSealer(f, key("1"), envelope.SealerConfig{})
	f.Add("acme", "send")
	f.Add("é<&>\u2028", "\u2028\"\\")
	f.Fuzz(func(t *testing.T, id, purpose string) {
		tenant := tenancy.Tenant{ID: tenancy.ID(id), Status: tenancy.StatusActive}
		text, err := s.Seal(tenancy.NewContext(t.Context(), tenant), purpose)
		if err != nil {
			return
		}
		ctx, err := newOpener(t, liar{tenant: tenant}, envelope.OpenerConfig{}, key("1")).Open(t.Context(), text, purpose)
		if err != nil {
			t.Fatalf("%q for %q: %v", id, purpose, err)
		}
		if got, err := tenancy.FromContext(ctx); err != nil || got.ID != tenant.ID {
			t.Errorf("%q came out as %q (%v)", id, got.ID, err)
		}
	})
}

func BenchmarkEnvelope(b *testing.B) {
	s, o := newSealer(b, key("1"), envelope.SealerConfig{}), newOpener(b, registry(), envelope.OpenerConfig{}, key("1"))
	text := seal(b, s, active, "send")
	b.Run("seal", func(b *testing.B) {
		ctx := tenancy.NewContext(b.Context(), tenancy.Tenant{ID: active})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Seal(ctx, "send"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("open", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := o.Open(b.Context(), text, "send"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
