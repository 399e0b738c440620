package crypt_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/crypt"
)

func TestPassphraseThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"none": "", "31 characters": strings.Repeat("k", 31), "31 characters of two bytes": strings.Repeat("ä", 31),
		"newline": firstPassphrase + "\n", "space": " " + firstPassphrase,
	} {
		c, current := crypt.Passphrase(text)
		_, old := crypt.Passphrase(firstPassphrase, secondPassphrase, text)
		if c != nil || current == nil || !strings.Contains(current.Error(), "passphrase") {
			t.Errorf("%s: got %v, want an error that names the argument", name, current)
		}
		if old == nil || !strings.Contains(old.Error(), "old passphrase 2") {
			t.Errorf("%s, as an old one: got %v, want an error that says which", name, old)
		}
	}
	for name, text := range map[string]string{"32 characters": strings.Repeat("k", 32), "32 of two bytes": strings.Repeat("ä", 32)} {
		if _, err := crypt.Passphrase(text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOldPassphrasesDecryptOnly(t *testing.T) {
	t.Parallel()
	first, second := passphrase(t, firstPassphrase), passphrase(t, secondPassphrase)
	both := passphrase(t, secondPassphrase, firstPassphrase)
	if got, err := both.Decrypt(t.Context(), "t1", "f", encrypt(t, first, "t1", "f", "plain-text")); err != nil || got != "plain-text" {
		t.Errorf("the old passphrase's: got %q and %v", got, err)
	}
	if got, err := second.Decrypt(t.Context(), "t1", "f", encrypt(t, both, "t1", "f", "plain-text")); err != nil || got != "plain-text" {
		t.Errorf("the new passphrase does not read what both write: %q and %v", got, err)
	}
}

// TestFormat opens a ciphertext by what the documentation says of it, without
// the package and without Tink.
func TestFormat(t *testing.T) {
	t.Parallel()
	text := encrypt(t, passphrase(t, firstPassphrase), "tenant", "field", "plain-text")
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "tenancy:enc:v1:"))
	if err != nil {
		t.Fatal(err)
	}
	key := derived(t, "github.com/entenancy/tenancy/crypt v1 AES-256-GCM key", 32)
	prefix := "\x01" + string(derived(t, "github.com/entenancy/tenancy/crypt v1 AES-256-GCM key id", 4))
	if !strings.HasPrefix(string(sealed), prefix) {
		t.Fatalf("%x does not begin with the key's id", sealed)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	nonce, body := sealed[5:17], sealed[17:]
	got, err := gcm.Open(nil, nonce, body, []byte("tenancy:enc:v1:\x00\x00\x00\x00\x00\x00\x00\x06tenant\x00\x00\x00\x00\x00\x00\x00\x05field"))
	if err != nil || string(got) != "plain-text" {
		t.Errorf("got %q and %v", got, err)
	}
}

func derived(t *testing.T, info string, length int) []byte {
	t.Helper()
	bytes, err := hkdf.Key(sha256.New, []byte(firstPassphrase), nil, info, length)
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
