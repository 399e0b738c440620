package crypt

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Keyset returns a cipher that encrypts with the primary key of a keyset and
// decrypts with all its enabled ones. They must be keys for AEAD, such as of
// Tink's template AES256_GCM. A keyset that a key management service has
// encrypted is read with [keyset.ReadWithContext], which asks the service once:
//
//	handle, err := keyset.ReadWithContext(ctx, keyset.NewJSONReader(file), kms, nil)
//	...
//	cipher, err := crypt.Keyset(handle)
func Keyset(handle *keyset.Handle) (*Cipher, error) {
	if handle == nil {
		return nil, errors.New("crypt: Keyset: handle is nil")
	}
	all, err := aead.New(handle)
	if err != nil {
		return nil, fmt.Errorf("crypt: Keyset: handle: %w", err)
	}
	primary, err := primaryOf(handle)
	if err != nil {
		return nil, fmt.Errorf("crypt: Keyset: handle: %w", err)
	}
	return &Cipher{
		newest: key{encrypt: local(all).encrypt, decrypt: local(primary).decrypt},
		opens:  []key{local(all)},
	}, nil
}

// primaryOf returns the primary key without the others.
func primaryOf(handle *keyset.Handle) (tink.AEAD, error) {
	entry, err := handle.Primary()
	if err != nil {
		return nil, err
	}
	manager := keyset.NewManager()
	id, err := manager.AddKey(entry.Key())
	if err != nil {
		return nil, err
	}
	if err := manager.SetPrimary(id); err != nil {
		return nil, err
	}
	alone, err := manager.Handle()
	if err != nil {
		return nil, err
	}
	return aead.New(alone)
}

// ReadKeyset returns the cipher of a keyset in Tink's JSON, not encrypted, as
// "tinkey create-keyset --key-template AES256_GCM --out-format json" writes
// it. Who can read that text can read what it encrypts: keep it where secrets
// are kept, and see [Keyset] for one that is encrypted itself.
func ReadKeyset(r io.Reader) (*Cipher, error) {
	if r == nil {
		return nil, errors.New("crypt: ReadKeyset: reader is nil")
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(r))
	if err != nil {
		// Not the cause, whose text may repeat what is in the file.
		return nil, errors.New("crypt: ReadKeyset: it is not an unencrypted keyset in JSON")
	}
	return Keyset(handle)
}

// local returns a key that this process holds. It needs no context.
func local(a tink.AEAD) key {
	return key{
		encrypt: func(_ context.Context, text, associatedData []byte) ([]byte, error) {
			return a.Encrypt(text, associatedData)
		},
		decrypt: func(_ context.Context, text, associatedData []byte) ([]byte, error) {
			plaintext, err := a.Decrypt(text, associatedData)
			if err != nil {
				return nil, errKey
			}
			return plaintext, nil
		},
	}
}
