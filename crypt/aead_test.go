package crypt_test

import (
	"context"
	"errors"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/entenancy/tenancy/crypt"
)

// service stands for a key management service: it holds a key of its own,
// hears of contexts, and may be down.
type service struct {
	tink.AEAD
	down error
}

func newService(tb testing.TB) *service {
	tb.Helper()
	primitive, err := aead.New(newKeyset(tb))
	if err != nil {
		tb.Fatal(err)
	}
	return &service{AEAD: primitive}
}

func (s *service) EncryptWithContext(ctx context.Context, plaintext, associatedData []byte) ([]byte, error) {
	if err := errors.Join(ctx.Err(), s.down); err != nil {
		return nil, err
	}
	return s.Encrypt(plaintext, associatedData)
}

func (s *service) DecryptWithContext(ctx context.Context, ciphertext, associatedData []byte) ([]byte, error) {
	if err := errors.Join(ctx.Err(), s.down); err != nil {
		return nil, err
	}
	return s.Decrypt(ciphertext, associatedData)
}

func newKeyset(tb testing.TB) *keyset.Handle {
	tb.Helper()
	handle, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		tb.Fatal(err)
	}
	return handle
}

func aeadCipher(tb testing.TB, aead tink.AEAD) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.AEAD(aead)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func aeadWithContextCipher(tb testing.TB, aead tink.AEADWithContext) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.AEADWithContext(aead)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestServiceThatIsDown(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := aeadWithContextCipher(t, s)
	text := encrypt(t, c, "t1", "f", "plain-text")
	s.down = errors.New("the service is down")
	if _, err := c.Encrypt(t.Context(), "t1", "f", "plain-text"); !errors.Is(err, s.down) {
		t.Errorf("Encrypt: got %v, want the service's error", err)
	}
	_, err := c.Accepting(passphrase(t, firstPassphrase)).Decrypt(t.Context(), "t1", "f", text)
	if !errors.Is(err, s.down) || !errors.Is(err, crypt.ErrDecrypt) {
		t.Errorf("Decrypt: got %v, want ErrDecrypt with the service's error", err)
	}
}

func TestContextThatIsOver(t *testing.T) {
	t.Parallel()
	c := aeadWithContextCipher(t, newService(t))
	text := encrypt(t, c, "t1", "f", "plain-text")
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Encrypt(over, "t1", "f", "plain-text"); !errors.Is(err, context.Canceled) {
		t.Errorf("Encrypt: got %v, want context.Canceled", err)
	}
	if _, err := c.Decrypt(over, "t1", "f", text); !errors.Is(err, context.Canceled) || errors.Is(err, crypt.ErrDecrypt) {
		t.Errorf("Decrypt: got %v, want context.Canceled and not ErrDecrypt: the key may be right", err)
	}
}

func TestAEADRefusesNil(t *testing.T) {
	t.Parallel()
	_, plain := crypt.AEAD(nil)
	_, withContext := crypt.AEADWithContext(nil)
	_, handle := crypt.Keyset(nil)
	_, reader := crypt.ReadKeyset(nil)
	for name, err := range map[string]error{"AEAD": plain, "AEADWithContext": withContext, "Keyset": handle, "ReadKeyset": reader} {
		if err == nil {
			t.Errorf("%s took nil", name)
		}
	}
}
