package crypt_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
)

// FuzzDecrypt gives Decrypt any text. It may refuse it, and do nothing else.
func FuzzDecrypt(f *testing.F) {
	c := passphrase(f, firstPassphrase, secondPassphrase)
	// Not one that this process made: each process that fuzzes has to know the same.
	const genuine = "tenancy:enc:v1:AZmLVUYZH3dGWX4kwn-qYuwBV1BlLpFzqkC1DKJ0BkMYhk5LECF2qCbL6Q"
	for _, text := range []string{"", "x", "tenancy:enc:", "tenancy:enc:v1:", "tenancy:enc:v1:AQ", "tenancy:enc:v2:AAAA", genuine, genuine, genuine[:40]} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := c.Decrypt(t.Context(), "t1", "f", text)
		switch {
		case text == genuine && (err != nil || got != "plain-text"):
			t.Errorf("the genuine ciphertext: got %q and %v", got, err)
		case text != genuine && !errors.Is(err, crypt.ErrDecrypt):
			t.Errorf("%q: got %q and %v, want ErrDecrypt", text, got, err)
		}
	})
}

// FuzzRoundTrip takes any tenant, field and plaintext there, back, and to
// another place where it must not open.
func FuzzRoundTrip(f *testing.F) {
	c := passphrase(f, firstPassphrase)
	f.Add("t1", "f", "plain-text", "t2", "g")
	f.Add("ab", "c", "", "a", "bc")
	f.Add("t1", "f", "tenancy:enc:v1:AAAA", "t1", "f\x00")
	f.Fuzz(func(t *testing.T, id, field, plaintext, otherID, otherField string) {
		text, err := c.Encrypt(t.Context(), tenancy.ID(id), field, plaintext)
		if tenancy.ID(id).Validate() != nil || field == "" {
			if err == nil {
				t.Errorf("%q, %q: no error", id, field)
			}
			return
		}
		if err != nil || !crypt.Encrypted(text) || strings.ContainsAny(text, " \n\"'\\") {
			t.Fatalf("%q, %q: got %q and %v", id, field, text, err)
		}
		if got, err := c.Decrypt(t.Context(), tenancy.ID(id), field, text); err != nil || got != plaintext {
			t.Errorf("%q, %q: got %q and %v, want %q", id, field, got, err, plaintext)
		}
		if id == otherID && field == otherField {
			return
		}
		if _, err := c.Decrypt(t.Context(), tenancy.ID(otherID), otherField, text); err == nil {
			t.Errorf("the ciphertext of %q, %q opens in %q, %q", id, field, otherID, otherField)
		}
	})
}
