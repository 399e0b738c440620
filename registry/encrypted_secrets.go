package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
)

// The names of the places that a ciphertext is tied to. They are part of the
// format: a ciphertext under another name does not open. A metadata value's is
// its path, such as metadata["billing"][0]["_enc_card"]: keys as Go's quoted
// ASCII, so that no two paths have the same name.
const (
	urlField      = "database_url"
	metadataField = "metadata"
)

func (s *EncryptedStore) sealURL(ctx context.Context, id tenancy.ID, url tenancy.Secret) (tenancy.Secret, error) {
	if url.IsZero() {
		return url, nil
	}
	text, err := s.cipher.Encrypt(ctx, id, urlField, url.Reveal())
	return tenancy.NewSecret(text), err
}

// sealMetadata returns values, which must be valid, as the store below gets
// them. They become plain JSON first: a struct may have keys that are secret.
func (s *EncryptedStore) sealMetadata(ctx context.Context, id tenancy.ID, values map[string]any) (map[string]any, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, invalid("Metadata", "it is not JSON")
	}
	var plain map[string]any
	if err := json.Unmarshal(text, &plain); err != nil {
		return nil, invalid("Metadata", "it is not a JSON object")
	}
	return replaceSecrets(plain, metadataField, func(field string, value any) (any, error) {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, invalid("Metadata", "it is not JSON")
		}
		return s.cipher.Encrypt(ctx, id, field, string(text))
	})
}

// open returns the tenant with its secrets in plaintext, and without those
// that cannot be read. The error names the first of those, and is
// [tenancy.ErrInvalidTenant] if it is the record's fault.
func (s *EncryptedStore) open(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	url, urlErr := s.openURL(ctx, t)
	values, valuesErr := replaceSecrets(t.Metadata(), metadataField, func(field string, value any) (any, error) {
		return s.openValue(ctx, t.ID, field, value)
	})
	t.Placement.DatabaseURL = url
	return t.WithMetadata(values), cmp.Or(urlErr, valuesErr)
}

func (s *EncryptedStore) openURL(ctx context.Context, t tenancy.Tenant) (tenancy.Secret, error) {
	url := t.Placement.DatabaseURL
	if url.IsZero() {
		return url, nil
	}
	if !crypt.Encrypted(url.Reveal()) {
		return url, s.checkPlaintext(urlField)
	}
	text, err := s.decrypt(ctx, t.ID, urlField, url.Reveal())
	return tenancy.NewSecret(text), err
}

// openValue returns what a secret metadata value was before sealMetadata.
func (s *EncryptedStore) openValue(ctx context.Context, id tenancy.ID, field string, value any) (any, error) {
	text, ok := value.(string)
	if !ok || !crypt.Encrypted(text) {
		return value, s.checkPlaintext(field)
	}
	text, err := s.decrypt(ctx, id, field, text)
	if err != nil {
		return nil, err
	}
	var opened any
	if err := json.Unmarshal([]byte(text), &opened); err != nil {
		return nil, invalid(field, "what is encrypted is not JSON") // err would repeat a part of it
	}
	return opened, nil
}

func (s *EncryptedStore) decrypt(ctx context.Context, id tenancy.ID, field, text string) (string, error) {
	plaintext, err := s.cipher.Decrypt(ctx, id, field, text)
	// An id that can be no tenant's is in a row that the store did not write.
	if errors.Is(err, crypt.ErrDecrypt) || errors.Is(err, tenancy.ErrInvalidID) {
		return "", fmt.Errorf("%w: %w", tenancy.ErrInvalidTenant, err)
	}
	return plaintext, err
}

func (s *EncryptedStore) checkPlaintext(field string) error {
	if s.cfg.RefusePlaintext {
		return invalid(field, "it is not encrypted")
	}
	return nil
}

// isCurrent reports whether all secrets of a tenant of the store below are
// encrypted with the newest key.
func (s *EncryptedStore) isCurrent(ctx context.Context, t tenancy.Tenant) bool {
	url := t.Placement.DatabaseURL
	if !url.IsZero() && !s.cipher.Current(ctx, t.ID, urlField, url.Reveal()) {
		return false
	}
	_, err := replaceSecrets(t.Metadata(), metadataField, func(field string, value any) (any, error) {
		if text, ok := value.(string); !ok || !s.cipher.Current(ctx, t.ID, field, text) {
			return nil, errNotCurrent
		}
		return value, nil
	})
	return err == nil
}

var errNotCurrent = errors.New("not encrypted with the newest key")

// replaceSecrets returns values with what replace returns in the place of each
// secret, at any depth. A secret is replaced as a whole, whatever keys are in
// it. Those for which replace fails are left out, and an error is returned.
func replaceSecrets(values map[string]any, path string, replace replacement) (map[string]any, error) {
	w := walk{replace: replace}
	return w.object(values, path), w.err
}

type replacement func(field string, value any) (any, error)

type walk struct {
	replace replacement
	err     error // the first
}

func (w *walk) object(values map[string]any, path string) map[string]any {
	walked := make(map[string]any, len(values))
	for key, value := range values {
		field := path + "[" + strconv.QuoteToASCII(key) + "]"
		if !strings.HasPrefix(key, tenancy.SecretPrefix) {
			walked[key] = w.value(value, field)
			continue
		}
		replaced, err := w.replace(field, value)
		if w.err = cmp.Or(w.err, err); err == nil {
			walked[key] = replaced
		}
	}
	return walked
}

func (w *walk) value(value any, path string) any {
	switch value := value.(type) {
	case map[string]any:
		return w.object(value, path)
	case []any:
		walked := make([]any, len(value))
		for i := range value {
			walked[i] = w.value(value[i], path+"["+strconv.Itoa(i)+"]")
		}
		return walked
	default:
		return value
	}
}
