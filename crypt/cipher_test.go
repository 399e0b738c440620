package crypt_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
)

const (
	firstPassphrase  = "a first passphrase for tests only"
	secondPassphrase = "a second passphrase for tests only"
)

func passphrase(tb testing.TB, current string, old ...string) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.Passphrase(current, old...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func encrypt(tb testing.TB, c *crypt.Cipher, id tenancy.ID, field, plaintext string) string {
	tb.Helper()
	text, err := c.Encrypt(tb.Context(), id, field, plaintext)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// ciphers are one of each kind.
func ciphers(t *testing.T) map[string]*crypt.Cipher {
	t.Helper()
	return map[string]*crypt.Cipher{
		"passphrase":        passphrase(t, firstPassphrase),
		"rotated":           passphrase(t, secondPassphrase, firstPassphrase),
		"keyset":            keysetCipher(t, newKeyset(t)),
		"AEAD":              aeadCipher(t, newService(t)),
		"AEAD with context": aeadWithContextCipher(t, newService(t)),
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	plaintexts := map[string]string{
		"empty": "", "short": "x", "URL": "postgres://app:pa$$@db/acme", "not UTF-8": "\xff\x00\xfe", "long": strings.Repeat("ä", 1<<16),
		"like a ciphertext": "tenancy:enc:v1:AAAA", "a ciphertext": encrypt(t, passphrase(t, firstPassphrase), "t1", "f", "inner"),
	}
	for kind, c := range ciphers(t) {
		for name, plaintext := range plaintexts {
			text := encrypt(t, c, "t1", "f", plaintext)
			if !crypt.Encrypted(text) || !c.Current(t.Context(), "t1", "f", text) {
				t.Errorf("%s, %s: %.40q is not taken for a current ciphertext", kind, name, text)
			}
			if len(plaintext) > 4 && strings.Contains(text, plaintext) {
				t.Errorf("%s, %s: %.40q holds the plaintext", kind, name, text)
			}
			if got, err := c.Decrypt(t.Context(), "t1", "f", text); err != nil || got != plaintext {
				t.Errorf("%s, %s: got %.40q and %v", kind, name, got, err)
			}
			if again := encrypt(t, c, "t1", "f", plaintext); again == text {
				t.Errorf("%s, %s: encrypting twice gives the same text", kind, name)
			}
		}
	}
}

// A ciphertext opens where it was made for, and nowhere else: also where the
// tenant and the field together read the same.
func TestCiphertextBelongsToTenantAndField(t *testing.T) {
	t.Parallel()
	for kind, c := range ciphers(t) {
		text := encrypt(t, c, "ab", "cd", "plain-text")
		for _, place := range []struct {
			id    tenancy.ID
			field string
		}{{"xy", "cd"}, {"ab", "xy"}, {"a", "bcd"}, {"abc", "d"}, {"cd", "ab"}, {"AB", "cd"}, {"ab", "cd "}} {
			_, err := c.Decrypt(t.Context(), place.id, place.field, text)
			checkRefused(t, fmt.Sprintf("%s, in %v", kind, place), err, place.id, place.field)
			if c.Current(t.Context(), place.id, place.field, text) {
				t.Errorf("%s: current in %v", kind, place)
			}
		}
	}
}

func checkRefused(t *testing.T, name string, err error, id tenancy.ID, field string) {
	t.Helper()
	if !errors.Is(err, crypt.ErrDecrypt) {
		t.Errorf("%s: got %v, want ErrDecrypt", name, err)
		return
	}
	if s := err.Error(); !strings.Contains(s, fmt.Sprintf("%q", id)) || !strings.Contains(s, field) {
		t.Errorf("%s: %q does not name tenant and field", name, s)
	}
	for _, secret := range []string{"plain-text", firstPassphrase, secondPassphrase, "enc:v1:"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %q holds %q", name, err, secret)
		}
	}
}

func TestTextThatIsNoCiphertextOfThisKey(t *testing.T) {
	t.Parallel()
	c := passphrase(t, firstPassphrase)
	text := encrypt(t, c, "t1", "f", "plain-text")
	texts := map[string]string{
		"plaintext": "plain-text", "empty": "", "mark only": "tenancy:enc:v1:", "newer": strings.Replace(text, "v1", "v2", 1),
		"cut": text[:len(text)-2], "longer": text + "AA", "padded": text + "=", "newline in it": text[:30] + "\n" + text[30:],
		"newline after": text + "\n", "space before": " " + text, "other alphabet": text[:20] + "+" + text[21:],
		"upper-case mark": "TENANCY" + strings.TrimPrefix(text, "tenancy"),
		"another key's":   encrypt(t, passphrase(t, secondPassphrase), "t1", "f", "plain-text"),
		"a service's":     encrypt(t, aeadCipher(t, newService(t)), "t1", "f", "plain-text"),
	}
	for i := len("tenancy:enc:v1:"); i < len(text); i++ { // each character changed
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		texts[fmt.Sprint("changed at ", i)] = text[:i] + string(other) + text[i+1:]
	}
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" { // whose last bits say nothing
		if other := text[:len(text)-1] + string(last); other != text {
			texts["ends with "+string(last)] = other
		}
	}
	for name, text := range texts {
		got, err := c.Decrypt(t.Context(), "t1", "f", text)
		checkRefused(t, name, err, "t1", "f")
		if got != "" || c.Current(t.Context(), "t1", "f", text) {
			t.Errorf("%s: got %q, and current %v", name, got, c.Current(t.Context(), "t1", "f", text))
		}
	}
}

func TestEncryptedGoesByTheMark(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"": false, "postgres://h/d": false, "enc::": false, "tenancy:enc": false, " tenancy:enc:v1:": false, "Tenancy:enc:v1:": false,
		"tenancy:enc:": true, "tenancy:enc:v1:AA": true, "tenancy:enc:v2:AA": true,
	} {
		if got := crypt.Encrypted(text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestNewerCiphertextIsNamedSo(t *testing.T) {
	t.Parallel()
	_, err := passphrase(t, firstPassphrase).Decrypt(t.Context(), "t1", "f", "tenancy:enc:v2:AAAA")
	if !errors.Is(err, crypt.ErrDecrypt) || !strings.Contains(err.Error(), "newer version") {
		t.Errorf("got %v, want an ErrDecrypt that tells why", err)
	}
}

// Each step of a rotation, with processes of the step before beside it.
func TestRotationWithoutDowntime(t *testing.T) {
	t.Parallel()
	first, second := passphrase(t, firstPassphrase), passphrase(t, secondPassphrase)
	service := aeadCipher(t, newService(t))
	steps := []*crypt.Cipher{
		first, first.Accepting(second), second.Accepting(first), second, // to another passphrase
		second.Accepting(service), service.Accepting(second), service, // to a service
	}
	for i := 1; i < len(steps); i++ {
		for _, pair := range [][2]*crypt.Cipher{{steps[i], steps[i-1]}, {steps[i-1], steps[i]}} {
			text := encrypt(t, pair[0], "t1", "f", "plain-text")
			if got, err := pair[1].Decrypt(t.Context(), "t1", "f", text); err != nil || got != "plain-text" {
				t.Errorf("step %d: a process cannot read what another writes: %v", i, err)
			}
		}
	}
}

func TestCurrentIsTheNewestKeyOnly(t *testing.T) {
	t.Parallel()
	old := encrypt(t, passphrase(t, firstPassphrase), "t1", "f", "plain-text")
	c := passphrase(t, secondPassphrase, firstPassphrase)
	if c.Current(t.Context(), "t1", "f", old) {
		t.Error("a text under an old key is current")
	}
	if c.Current(t.Context(), "t1", "f", "plain-text") {
		t.Error("plaintext is current")
	}
}

func TestAcceptingChangesNeither(t *testing.T) {
	t.Parallel()
	first, second := passphrase(t, firstPassphrase), passphrase(t, secondPassphrase)
	both := first.Accepting(nil, second, &crypt.Cipher{})
	text := encrypt(t, second, "t1", "f", "plain-text")
	if _, err := both.Decrypt(t.Context(), "t1", "f", text); err != nil {
		t.Error(err)
	}
	if _, err := first.Decrypt(t.Context(), "t1", "f", text); !errors.Is(err, crypt.ErrDecrypt) {
		t.Errorf("the cipher that Accepting was called on: got %v, want ErrDecrypt", err)
	}
	if _, err := second.Decrypt(t.Context(), "t1", "f", encrypt(t, both, "t1", "f", "")); !errors.Is(err, crypt.ErrDecrypt) {
		t.Errorf("the cipher that was accepted: got %v, want ErrDecrypt", err)
	}
}

func TestMisuseIsRefused(t *testing.T) {
	t.Parallel()
	good := passphrase(t, firstPassphrase)
	for name, test := range map[string]struct {
		c     *crypt.Cipher
		id    tenancy.ID
		field string
		want  error
	}{
		"nil":                  {nil, "t1", "f", nil},
		"zero":                 {&crypt.Cipher{}, "t1", "f", nil},
		"zero, accepting":      {(&crypt.Cipher{}).Accepting(good), "t1", "f", nil},
		"nil, accepting":       {(*crypt.Cipher)(nil).Accepting(good), "t1", "f", nil},
		"no tenant":            {good, "", "f", tenancy.ErrInvalidID},
		"no tenant can be":     {good, "t1\x00", "f", tenancy.ErrInvalidID},
		"a field with no name": {good, "t1", "", nil},
	} {
		_, encrypting := test.c.Encrypt(t.Context(), test.id, test.field, "plain-text")
		_, decrypting := test.c.Decrypt(t.Context(), test.id, test.field, "tenancy:enc:v1:AAAA")
		for _, err := range []error{encrypting, decrypting} {
			if err == nil || errors.Is(err, crypt.ErrDecrypt) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%s: got %v, want an error of its own", name, err)
			}
		}
		if test.c.Current(t.Context(), test.id, test.field, "tenancy:enc:v1:AAAA") {
			t.Errorf("%s: current", name)
		}
	}
}

func TestCipherShowsNoKey(t *testing.T) {
	t.Parallel()
	for kind, c := range ciphers(t) {
		var shown bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&shown, verb+"\n", c)
			fmt.Fprintf(&shown, verb+"\n", *c)
			fmt.Fprintf(&shown, verb+"\n", struct{ c any }{any(c)}) // where fmt may not call methods
		}
		slog.New(slog.NewJSONHandler(&shown, nil)).Info("", "cipher", c)
		marshalled, err := json.Marshal(map[string]any{"cipher": c})
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(marshalled)
		for _, secret := range []string{firstPassphrase, secondPassphrase, fmt.Sprintf("%x", firstPassphrase), "[]byte{", "[]uint8"} {
			if strings.Contains(shown.String(), secret) {
				t.Errorf("%s: shows %q in\n%s", kind, secret, shown.String())
			}
		}
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	for kind, c := range ciphers(t) {
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				id := tenancy.ID(fmt.Sprint("t", i))
				text, err := c.Encrypt(context.Background(), id, "f", string(id))
				if err != nil {
					t.Errorf("%s: %v", kind, err)
				}
				if got, err := c.Accepting(c).Decrypt(context.Background(), id, "f", text); err != nil || got != string(id) {
					t.Errorf("%s: got %q and %v", kind, got, err)
				}
			})
		}
		wg.Wait()
	}
}
