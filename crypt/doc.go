// Package crypt keeps short texts of a tenant's record secret: the URL of its
// database, a token, an API key. It is authenticated encryption by Tink
// (https://developers.google.com/tink) with keys that can be rotated.
//
//	cipher, err := crypt.Passphrase(os.Getenv("TENANCY_ENCRYPTION_KEY"))
//	...
//	text, err := cipher.Encrypt(ctx, tenant.ID, "api key", "s3cr3t") // tenancy:enc:v1:AQ...
//	text, err = cipher.Decrypt(ctx, tenant.ID, "api key", text)      // s3cr3t
//
// A ciphertext belongs to the tenant and the field that it was made for. Copied
// to another tenant's row or into another field it does not open.
//
// # Keys
//
// [Passphrase] is the simple start: one secret of at least 32 characters, the
// same in every process. [ReadKeyset] takes a keyset file of Tink, [Keyset] a
// keyset that a key management service (KMS) has decrypted, [AEAD] and
// [AEADWithContext] a service that does each encryption itself.
//
// # Rotation
//
// A [Cipher] encrypts with one key and decrypts with many: with the other keys
// of its keyset, and with those of the ciphers that it accepts. While
// processes with the old and the new key run side by side, each has to read
// what the other writes. So a new key comes in three steps:
//
//	oldCipher.Accepting(newCipher) // 1. in all processes: they can read what is to come
//	newCipher.Accepting(oldCipher) // 2. in all processes: they write with the new key
//	newCipher                      // 3. when nothing is left under the old one
//
// # What a ciphertext looks like
//
// The text "tenancy:enc:v1:" and the ciphertext in base64 for URLs without
// padding (RFC 4648 §5). What is encrypted with one version of this package is
// decrypted by all later ones.
package crypt
