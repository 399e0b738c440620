package crypt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"github.com/entenancy/tenancy"
)

// ErrDecrypt means that no key of the cipher opens a ciphertext: the right key
// is missing, the text was changed, or it was made for another tenant or
// field. With [AEAD] and [AEADWithContext] it may also mean that the service
// could not be asked; its error is then wrapped too.
var ErrDecrypt = errors.New("crypt: cannot decrypt")

// Cipher encrypts and decrypts texts of tenants. Make one with [Passphrase],
// [ReadKeyset], [Keyset], [AEAD] or [AEADWithContext]; the zero Cipher has no
// key and refuses everything. It is safe for concurrent use, never changes,
// and shows nothing of its keys when it is printed or logged.
type Cipher struct {
	newest   key   // what encrypts
	opens    []key // what decrypts
	isRemote bool  // whether a failure to decrypt may be that of a service
}

// key is one key or more. Functions hide it from what walks a struct's fields
// by reflection.
type key struct {
	encrypt, decrypt operation
}

type operation func(ctx context.Context, text, associatedData []byte) ([]byte, error)

// Accepting returns a cipher that encrypts as c does and decrypts what c or
// one of the others can: for the time in which keys change.
func (c *Cipher) Accepting(others ...*Cipher) *Cipher {
	if c == nil {
		return nil // which refuses everything, like the zero Cipher
	}
	accepting := &Cipher{newest: c.newest, opens: slices.Clone(c.opens), isRemote: c.isRemote}
	for _, other := range others {
		if other != nil {
			accepting.opens = append(accepting.opens, other.opens...)
			accepting.isRemote = accepting.isRemote || other.isRemote
		}
	}
	return accepting
}

// Encrypt returns the ciphertext of a plaintext, for this field of this tenant
// only. Each call returns another text. The plaintext may be anything, also a
// text that is a ciphertext already: Decrypt returns it as it was.
//
// It fails with [tenancy.ErrInvalidID] if there can be no tenant with the id.
func (c *Cipher) Encrypt(ctx context.Context, id tenancy.ID, field, plaintext string) (string, error) {
	if err := c.check(id, field); err != nil {
		return "", err
	}
	sealed, err := c.newest.encrypt(ctx, []byte(plaintext), associatedData(id, field))
	if err != nil {
		return "", fmt.Errorf("crypt: encrypting %s of tenant %q: %w", field, id, err)
	}
	return encode(sealed), nil
}

// Decrypt returns the plaintext of a text that Encrypt returned for this field
// of this tenant. It fails with [ErrDecrypt], naming tenant and field, for
// every other text: see [Encrypted] to tell plaintext from before.
func (c *Cipher) Decrypt(ctx context.Context, id tenancy.ID, field, ciphertext string) (string, error) {
	if err := c.check(id, field); err != nil {
		return "", err
	}
	sealed, err := decode(ciphertext)
	if err != nil {
		return "", refused(id, field, err)
	}
	var causes []error
	for _, k := range c.opens {
		plaintext, err := k.decrypt(ctx, sealed, associatedData(id, field))
		if err == nil {
			return string(plaintext), nil
		}
		causes = append(causes, err)
	}
	if over := ctx.Err(); over != nil && c.isRemote {
		return "", fmt.Errorf("crypt: decrypting %s of tenant %q: %w", field, id, over)
	}
	return "", refused(id, field, cause(causes))
}

// Current reports whether the text opens with the key that Encrypt uses, so
// that encrypting it again would gain nothing.
func (c *Cipher) Current(ctx context.Context, id tenancy.ID, field, text string) bool {
	if c.check(id, field) != nil {
		return false
	}
	sealed, err := decode(text)
	if err != nil {
		return false
	}
	_, err = c.newest.decrypt(ctx, sealed, associatedData(id, field))
	return err == nil
}

func (c *Cipher) check(id tenancy.ID, field string) error {
	if c == nil || c.newest.encrypt == nil {
		return errors.New("crypt: the cipher has no key: make it with Passphrase, Keyset or AEAD")
	}
	if field == "" {
		return errors.New("crypt: the field has no name")
	}
	return id.Validate()
}

// errKey is the failure of a key that this process holds. There is nothing
// more to say about it: an attacker shall not learn why.
var errKey = errors.New("no key of this cipher opens it for this tenant and field")

// cause returns the error that says most.
func cause(errs []error) error {
	for _, err := range errs {
		if !errors.Is(err, errKey) {
			return err
		}
	}
	return errKey
}

func refused(id tenancy.ID, field string, why error) error {
	return fmt.Errorf("%w %s of tenant %q: %w", ErrDecrypt, field, id, why)
}

// String says that it is a cipher, and no more.
func (*Cipher) String() string { return "crypt.Cipher([redacted])" }

// Format implements [fmt.Formatter], so that no verb shows a key.
func (c *Cipher) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements [slog.LogValuer].
func (c *Cipher) LogValue() slog.Value { return slog.StringValue(c.String()) }
