package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// These tests show the encrypted store what a database does not do by itself.
// What it does on real databases is tested in internal/integration/encryption.

// one is a Store with one tenant, and what it answers.
type one struct {
	registry.Store
	tenant  tenancy.Tenant
	created []registry.NewTenant
	update  error
	updates int
	gone    bool
}

func (s *one) Create(_ context.Context, n registry.NewTenant) (tenancy.Tenant, error) {
	s.created = append(s.created, n)
	return tenancy.Tenant{ID: n.ID, Identifier: n.Identifier, Placement: n.Placement}.WithMetadata(n.Metadata), nil
}

func (s *one) ByID(context.Context, tenancy.ID) (tenancy.Tenant, error) {
	if s.gone {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return s.tenant, nil
}

func (s *one) List(context.Context, registry.Query) (registry.Page, error) {
	return registry.Page{Tenants: []tenancy.Tenant{s.tenant}}, nil
}

func (s *one) Count(context.Context, registry.Query) (int, error) { return 1, nil }

func (s *one) Update(context.Context, tenancy.Tenant) (tenancy.Tenant, error) {
	s.updates++
	return s.tenant, s.update
}

func newCipher(t *testing.T) *crypt.Cipher {
	t.Helper()
	cipher, err := crypt.Passphrase("a passphrase for this test and no other")
	if err != nil {
		t.Fatal(err)
	}
	return cipher
}

func encryptedStore(t *testing.T, store registry.Store, cipher *crypt.Cipher) *registry.EncryptedStore {
	t.Helper()
	encrypted, err := registry.NewEncryptedStore(store, cipher, registry.EncryptedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return encrypted
}

func TestNewEncryptedStoreRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	cipher := newCipher(t)
	for want, make := range map[string]func() (*registry.EncryptedStore, error){
		"store is nil": func() (*registry.EncryptedStore, error) {
			return registry.NewEncryptedStore(nil, cipher, registry.EncryptedConfig{})
		},
		"cipher is nil": func() (*registry.EncryptedStore, error) {
			return registry.NewEncryptedStore(&one{}, nil, registry.EncryptedConfig{})
		},
		"encrypted already": func() (*registry.EncryptedStore, error) {
			return registry.NewEncryptedStore(encryptedStore(t, &one{}, cipher), cipher, registry.EncryptedConfig{})
		},
	} {
		if store, err := make(); store != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v and %v, want an error that says %q", store, err, want)
		}
	}
}

func TestTenantGetsItsIDBeforeItsSecretsAreEncrypted(t *testing.T) {
	t.Parallel()
	below := &one{}
	store := encryptedStore(t, below, newCipher(t))
	got, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"_enc_x": "plain-text"}})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(string(below.created[0].ID)); err != nil || id.Version() != 7 || got.ID != below.created[0].ID {
		t.Errorf("the store below got the id %q (%v), want a UUIDv7", below.created[0].ID, err)
	}
	if v, _ := got.MetadataValue("_enc_x"); v != "plain-text" {
		t.Errorf("got %v back", v)
	}
}

// down is a key management service that cannot be reached.
type down struct{ err error }

func (d down) EncryptWithContext(context.Context, []byte, []byte) ([]byte, error) { return nil, d.err }

func (d down) DecryptWithContext(context.Context, []byte, []byte) ([]byte, error) { return nil, d.err }

func TestServiceThatIsDown(t *testing.T) {
	t.Parallel()
	unreachable := down{errors.New("the service is down")}
	cipher, err := crypt.AEADWithContext(unreachable)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := newCipher(t).Encrypt(t.Context(), "t1", "database_url", "plain-text")
	if err != nil {
		t.Fatal(err)
	}
	below := &one{tenant: tenancy.Tenant{ID: "t1", Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(sealed)}}}
	store := encryptedStore(t, below, cipher)

	n := registry.NewTenant{Identifier: "acme", Name: "Acme", Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("plain-text")}}
	if _, err := store.Create(t.Context(), n); !errors.Is(err, unreachable.err) || len(below.created) != 0 {
		t.Errorf("Create: got %v and wrote %d tenants, want the service's error and none", err, len(below.created))
	}
	var broken *registry.BrokenError
	if _, err := store.ByID(t.Context(), "t1"); !errors.As(err, &broken) || !errors.Is(err, unreachable.err) {
		t.Errorf("ByID: got %v, want a BrokenError with the service's error", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	_, byID := store.ByID(over, "t1")
	_, list := store.List(over, registry.Query{})
	for _, err := range []error{byID, list} {
		if !errors.Is(err, context.Canceled) || errors.As(err, &broken) {
			t.Errorf("with a context that is over: got %v, want context.Canceled and no word about the record", err)
		}
	}
}

// A right key does not make a value right.
func TestCiphertextOfNoJSON(t *testing.T) {
	t.Parallel()
	cipher := newCipher(t)
	sealed, err := cipher.Encrypt(t.Context(), "t1", `metadata["_enc_x"]`, "plain-text")
	if err != nil {
		t.Fatal(err)
	}
	below := &one{tenant: tenancy.Tenant{ID: "t1"}.WithMetadata(map[string]any{"_enc_x": sealed})}
	_, err = encryptedStore(t, below, cipher).ByID(t.Context(), "t1")
	if !errors.Is(err, tenancy.ErrInvalidTenant) || !strings.Contains(err.Error(), "_enc_x") || strings.Contains(err.Error(), "plain") {
		t.Errorf("got %v, want an ErrInvalidTenant that names the field and not the value", err)
	}
}

func TestReencryptMeetsOthers(t *testing.T) {
	t.Parallel()
	plaintext := tenancy.Tenant{
		ID: "t1", Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("plain-text")},
	}
	elsewhere := errors.New("elsewhere")
	for name, test := range map[string]struct {
		below one
		want  error
	}{
		"a conflict that never ends":  {one{tenant: plaintext, update: tenancy.ErrConflict}, tenancy.ErrConflict},
		"a tenant that is erased":     {one{tenant: plaintext, update: tenancy.ErrNotFound}, nil},
		"erased behind a conflict":    {one{tenant: plaintext, update: tenancy.ErrConflict, gone: true}, nil},
		"a store that fails":          {one{tenant: plaintext, update: elsewhere}, elsewhere},
		"a tenant that is not valid":  {one{tenant: plaintext, update: tenancy.ErrInvalidIdentifier}, tenancy.ErrInvalidTenant},
		"nothing that has to be done": {one{tenant: tenancy.Tenant{ID: "t1"}}, nil},
	} {
		progress, err := encryptedStore(t, &test.below, newCipher(t)).Reencrypt(t.Context(), registry.ReencryptConfig{})
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || progress.Changed != 0 {
			t.Errorf("%s: got %+v and %v, want %v", name, progress, err, test.want)
		}
	}
}
