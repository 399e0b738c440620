package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/internal/panicked"
)

// EncryptedStore is a Store that keeps secrets encrypted in another one: the
// URL of a tenant's database, and each metadata value whose key begins with
// [tenancy.SecretPrefix], however deep it is nested and whatever JSON it is.
// What goes in and comes out is plaintext. What the other store holds, writes
// to a log or hands to a cache below is not. Make one with NewEncryptedStore.
//
// A secret value is encrypted as a whole, so it is replaced as a whole. Keys
// are not encrypted, and neither is how long a value is. Search finds
// identifiers and names, which are no secrets.
//
// Plaintext that was written before encryption is read as it is, and encrypted
// when the tenant is next updated, or by Reencrypt. A tenant with a secret that
// cannot be decrypted is broken, with a [*BrokenError] that wraps
// [crypt.ErrDecrypt] and names the field: no other tenant is hidden by it, its
// status can be set, and it is repaired by an Update with the right secret.
type EncryptedStore struct {
	store  Store
	cipher *crypt.Cipher
	cfg    EncryptedConfig
}

var _ Store = (*EncryptedStore)(nil)

// EncryptedConfig is what an EncryptedStore can be told. The zero
// EncryptedConfig works.
type EncryptedConfig struct {
	// RefusePlaintext makes a tenant broken that has a secret in plaintext. Set
	// it once Reencrypt has seen to all of them, so that those who can write to
	// the database but lack the key cannot put in a secret of their own.
	// Defaults to false: plaintext is read.
	RefusePlaintext bool
	// Logger hears of tenants that a Page had to leave out. Defaults to none.
	Logger *slog.Logger
}

// NewEncryptedStore returns a store that keeps its secrets in store, encrypted
// with cipher. All processes that share a registry need a cipher that opens
// what the others write: see package crypt for how keys change.
//
// A cache that stands over it holds plaintext and is fast; one that stands
// below it holds ciphertext and may be shared.
func NewEncryptedStore(store Store, cipher *crypt.Cipher, cfg EncryptedConfig) (*EncryptedStore, error) {
	switch {
	case store == nil:
		return nil, errors.New("registry: NewEncryptedStore: store is nil")
	case cipher == nil:
		return nil, errors.New("registry: NewEncryptedStore: cipher is nil")
	}
	if _, ok := store.(*EncryptedStore); ok {
		return nil, errors.New("registry: NewEncryptedStore: store is encrypted already")
	}
	cfg.Logger = panicked.Logger(cfg.Logger)
	return &EncryptedStore{store: store, cipher: cipher, cfg: cfg}, nil
}

// RegistryID returns what tells the registry of the other store from all others, and an
// empty text if that store cannot tell. It fails as that store does.
func (s *EncryptedStore) RegistryID(ctx context.Context) (string, error) {
	if below, ok := s.store.(identified); ok {
		return below.RegistryID(ctx)
	}
	return "", nil
}

// ByIdentifier implements [tenancy.Lookup].
func (s *EncryptedStore) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	t, err := s.store.ByIdentifier(ctx, identifier)
	return s.readable(ctx, t, err)
}

// ByID implements Store.
func (s *EncryptedStore) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	t, err := s.store.ByID(ctx, id)
	return s.readable(ctx, t, err)
}

// ByIDs implements Store.
func (s *EncryptedStore) ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error) {
	page, err := s.store.ByIDs(ctx, ids)
	return s.readablePage(ctx, page, err)
}

// List implements Store.
func (s *EncryptedStore) List(ctx context.Context, q Query) (Page, error) {
	page, err := s.store.List(ctx, q)
	return s.readablePage(ctx, page, err)
}

// Count implements Store.
func (s *EncryptedStore) Count(ctx context.Context, q Query) (int, error) {
	return s.store.Count(ctx, q)
}

// Search implements Store.
func (s *EncryptedStore) Search(ctx context.Context, text string, limit int) (Page, error) {
	page, err := s.store.Search(ctx, text, limit)
	return s.readablePage(ctx, page, err)
}

// Create implements Store. A tenant without an id gets its UUIDv7 here,
// because its secrets are encrypted for that id.
func (s *EncryptedStore) Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error) {
	if err := n.Validate(); err != nil { // while its values can still be read
		return tenancy.Tenant{}, err
	}
	if n.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return tenancy.Tenant{}, failed(ctx, "making an id", err)
		}
		n.ID = tenancy.ID(id.String())
	}
	var err error
	if n.Placement.DatabaseURL, err = s.sealURL(ctx, n.ID, n.Placement.DatabaseURL); err != nil {
		return tenancy.Tenant{}, err
	}
	if n.Metadata, err = s.sealMetadata(ctx, n.ID, n.Metadata); err != nil {
		return tenancy.Tenant{}, err
	}
	t, err := s.store.Create(ctx, n)
	return s.readable(ctx, t, err)
}

// Update implements Store.
func (s *EncryptedStore) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	if err := validateUpdate(t); err != nil { // while its values can still be read
		return tenancy.Tenant{}, err
	}
	var err error
	if t.Placement.DatabaseURL, err = s.sealURL(ctx, t.ID, t.Placement.DatabaseURL); err != nil {
		return tenancy.Tenant{}, err
	}
	values, err := s.sealMetadata(ctx, t.ID, t.Metadata())
	if err != nil {
		return tenancy.Tenant{}, err
	}
	updated, err := s.store.Update(ctx, t.WithMetadata(values))
	return s.readable(ctx, updated, err)
}

// SetStatus implements Store.
func (s *EncryptedStore) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	t, err := s.store.SetStatus(ctx, id, to)
	return s.readable(ctx, t, err)
}

// SetStatuses implements Store.
func (s *EncryptedStore) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error) {
	page, err := s.store.SetStatuses(ctx, ids, to)
	return s.readablePage(ctx, page, err)
}

// MergeMetadata implements Store.
func (s *EncryptedStore) MergeMetadata(
	ctx context.Context, id tenancy.ID, values map[string]any, remove ...string,
) (tenancy.Tenant, error) {
	if err := cmp.Or(id.Validate(), validateMetadata(values)); err != nil {
		return tenancy.Tenant{}, err
	}
	sealed, err := s.sealMetadata(ctx, id, values)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	t, err := s.store.MergeMetadata(ctx, id, sealed, remove...)
	return s.readable(ctx, t, err)
}

// Erase implements Store.
func (s *EncryptedStore) Erase(ctx context.Context, id tenancy.ID) error {
	return s.store.Erase(ctx, id)
}

// readable decrypts what the store below returned. A broken tenant is
// decrypted too: what its caller repairs is written back.
func (s *EncryptedStore) readable(ctx context.Context, t tenancy.Tenant, err error) (tenancy.Tenant, error) {
	var broken *BrokenError
	switch {
	case errors.As(err, &broken):
		opened, openErr := s.open(ctx, broken.Tenant)
		if openErr != nil {
			return tenancy.Tenant{}, &BrokenError{Tenant: opened, Err: fmt.Errorf("%w; %w", broken.Err, openErr)}
		}
		return tenancy.Tenant{}, &BrokenError{Tenant: opened, Err: broken.Err}
	case err != nil:
		return tenancy.Tenant{}, err
	}
	opened, err := s.open(ctx, t)
	switch {
	case errors.Is(err, tenancy.ErrInvalidTenant):
		return tenancy.Tenant{}, &BrokenError{Tenant: opened, Err: err}
	case err != nil:
		return tenancy.Tenant{}, err
	}
	return opened, nil
}

func (s *EncryptedStore) readablePage(ctx context.Context, page Page, err error) (Page, error) {
	if err != nil {
		return Page{}, err
	}
	tenants := make([]tenancy.Tenant, 0, len(page.Tenants))
	for _, t := range page.Tenants {
		opened, err := s.readable(ctx, t, nil)
		var broken *BrokenError
		switch {
		case errors.As(err, &broken):
			page.Invalid = append(page.Invalid, t.ID)
			s.cfg.Logger.WarnContext(ctx, "tenancy: registry: left a tenant out of a list", slog.Any("error", err))
		case err != nil:
			return Page{}, err
		default:
			tenants = append(tenants, opened)
		}
	}
	page.Tenants = tenants
	return page, nil
}

// maxCiphertext is the length of the longest URL that is encrypted, in
// characters: maxURL of them, in UTF-8, in base64, with room for a service
// that puts the key's name or a key of its own in front.
const maxCiphertext = 32 << 10

// maxURLLength returns how long a store may let a URL be.
func maxURLLength(url string) int {
	if crypt.Encrypted(url) {
		return maxCiphertext
	}
	return maxURL
}
