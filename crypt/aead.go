package crypt

import (
	"context"
	"errors"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// AEAD returns a cipher that leaves the work to aead, such as the client of a
// key management service. Each encryption and decryption is then a call of
// that service, one for every secret of every tenant that is read: [Keyset]
// with a keyset that the service has encrypted needs it at the start only.
//
// What is encrypted under another key of the service, and is not found by
// aead itself, is read with [Cipher.Accepting].
func AEAD(aead tink.AEAD) (*Cipher, error) {
	if aead == nil {
		return nil, errors.New("crypt: AEAD: aead is nil")
	}
	return remote(
		func(_ context.Context, text, associatedData []byte) ([]byte, error) {
			return aead.Encrypt(text, associatedData)
		},
		func(_ context.Context, text, associatedData []byte) ([]byte, error) {
			return aead.Decrypt(text, associatedData)
		},
	), nil
}

// AEADWithContext is [AEAD] for a service that hears when a context ends.
func AEADWithContext(aead tink.AEADWithContext) (*Cipher, error) {
	if aead == nil {
		return nil, errors.New("crypt: AEADWithContext: aead is nil")
	}
	return remote(aead.EncryptWithContext, aead.DecryptWithContext), nil
}

func remote(encrypt, decrypt operation) *Cipher {
	k := key{encrypt: encrypt, decrypt: decrypt}
	return &Cipher{newest: k, opens: []key{k}, isRemote: true}
}
