package crypt_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"

	"github.com/entenancy/tenancy/crypt"
)

func keysetCipher(tb testing.TB, handle *keyset.Handle) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.Keyset(handle)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// cleartext returns the keyset as tinkey writes it.
func cleartext(tb testing.TB, handle *keyset.Handle) string {
	tb.Helper()
	var text bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&text)); err != nil {
		tb.Fatal(err)
	}
	return text.String()
}

func TestReadKeyset(t *testing.T) {
	t.Parallel()
	handle := newKeyset(t)
	text := encrypt(t, keysetCipher(t, handle), "t1", "f", "plain-text")
	c, err := crypt.ReadKeyset(strings.NewReader(cleartext(t, handle)))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Decrypt(t.Context(), "t1", "f", text); err != nil || got != "plain-text" {
		t.Errorf("got %q and %v", got, err)
	}
	if !c.Current(t.Context(), "t1", "f", text) {
		t.Error("not current")
	}
}

// The steps that "tinkey add-key", "promote-key" and "delete-key" take.
func TestKeysetRotation(t *testing.T) {
	t.Parallel()
	for name, template := range map[string]*tinkpb.KeyTemplate{
		"with prefix": aead.AES256GCMKeyTemplate(), "without": aead.AES256GCMNoPrefixKeyTemplate(), "other algorithm": aead.XChaCha20Poly1305KeyTemplate(),
	} {
		original := newKeyset(t)
		manager := keyset.NewManagerFromHandle(original)
		id, err := manager.Add(template)
		if err != nil {
			t.Fatal(err)
		}
		before, added := keysetCipher(t, original), keysetCipher(t, handleOf(t, manager))
		if err := manager.SetPrimary(id); err != nil {
			t.Fatal(err)
		}
		promoted := keysetCipher(t, handleOf(t, manager))
		oldText, newText := encrypt(t, added, "t1", "f", "old"), encrypt(t, promoted, "t1", "f", "new")
		for step, c := range map[string]*crypt.Cipher{"before": before, "added": added, "promoted": promoted} {
			_, oldErr := c.Decrypt(t.Context(), "t1", "f", oldText)
			_, newErr := c.Decrypt(t.Context(), "t1", "f", newText)
			if oldErr != nil || (newErr != nil) != (step == "before") {
				t.Errorf("%s, %s: the old key's text gives %v, the new key's %v", name, step, oldErr, newErr)
			}
			isOldCurrent, isNewCurrent := c.Current(t.Context(), "t1", "f", oldText), c.Current(t.Context(), "t1", "f", newText)
			if isPromoted := step == "promoted"; isNewCurrent != isPromoted || isOldCurrent == isPromoted {
				t.Errorf("%s, %s: the old key's text current: %v, the new key's: %v", name, step, isOldCurrent, isNewCurrent)
			}
		}
	}
}

func handleOf(t *testing.T, manager *keyset.Manager) *keyset.Handle {
	t.Helper()
	handle, err := manager.Handle()
	if err != nil {
		t.Fatal(err)
	}
	return handle
}

func TestKeysetThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	other, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := crypt.Keyset(other); err == nil || !strings.Contains(err.Error(), "handle") {
		t.Errorf("keys of another kind: got %v, want an error that names the argument", err)
	}
	var encrypted bytes.Buffer
	if err := newKeyset(t).Write(keyset.NewJSONWriter(&encrypted), newService(t)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"empty": "", "no JSON": "s3cr3t", "no keys": "{}", "other JSON": `{"s3cr3t": 1}`, "encrypted": encrypted.String(),
		"key of no kind": `{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"s3cr3t","value":"czNjcjN0","keyMaterialType":"SYMMETRIC"},"status":"ENABLED","keyId":1,"outputPrefixType":"TINK"}]}`,
		"cut":            cleartext(t, newKeyset(t))[:60],
	} {
		_, err := crypt.ReadKeyset(strings.NewReader(text))
		if err == nil || strings.Contains(err.Error(), "czNjcjN0") || !strings.HasPrefix(err.Error(), "crypt: ") {
			t.Errorf("%s: got %v, want an error without what is in the file", name, err)
		}
	}
}
