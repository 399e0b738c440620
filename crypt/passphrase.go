package crypt

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/secretdata"
)

// MinPassphraseLength is the length of the shortest passphrase, in characters.
const MinPassphraseLength = 32

// What a key is derived for. Changing one makes every ciphertext unreadable.
const (
	infoKey   = "github.com/entenancy/tenancy/crypt v1 AES-256-GCM key"
	infoKeyID = "github.com/entenancy/tenancy/crypt v1 AES-256-GCM key id"
)

// Passphrase returns a cipher with the key that belongs to a passphrase, which
// also decrypts what was encrypted with one of the old passphrases. The same
// passphrase gives the same key in every process and in every later version:
// an AES-256-GCM key of Tink, derived with HKDF-SHA256 (RFC 5869).
//
// Deriving does not stretch: a passphrase that can be guessed makes a key that
// can be guessed. Make one at random, such as with "openssl rand -base64 32".
// It is an error if a passphrase has fewer than [MinPassphraseLength]
// characters, or white space at an end, which a file or a shell leaves there.
func Passphrase(passphrase string, old ...string) (*Cipher, error) {
	current, err := derive(passphrase)
	if err != nil {
		return nil, fmt.Errorf("crypt: Passphrase: passphrase: %w", err)
	}
	accepted := make([]*Cipher, len(old))
	for i := range old {
		if accepted[i], err = derive(old[i]); err != nil {
			return nil, fmt.Errorf("crypt: Passphrase: old passphrase %d: %w", i+1, err)
		}
	}
	return current.Accepting(accepted...), nil
}

func derive(passphrase string) (*Cipher, error) {
	if n := utf8.RuneCountInString(passphrase); n < MinPassphraseLength {
		return nil, fmt.Errorf("it has %d characters, and needs at least %d", n, MinPassphraseLength)
	}
	if strings.TrimSpace(passphrase) != passphrase {
		return nil, errors.New("it begins or ends with white space")
	}
	secret := []byte(passphrase)
	bytes, err := hkdf.Key(sha256.New, secret, nil, infoKey, 32)
	if err != nil {
		return nil, err
	}
	// The id stands before each ciphertext and says which key it is for.
	id, err := hkdf.Key(sha256.New, secret, nil, infoKeyID, 4)
	if err != nil {
		return nil, err
	}
	return fromBytes(bytes, binary.BigEndian.Uint32(id))
}

func fromBytes(bytes []byte, id uint32) (*Cipher, error) {
	parameters, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: 32, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		return nil, err
	}
	aesKey, err := aesgcm.NewKey(secretdata.NewBytesFromData(bytes, insecuresecretdataaccess.Token{}), id, parameters)
	if err != nil {
		return nil, err
	}
	aead, err := aesgcm.NewAEAD(aesKey)
	if err != nil {
		return nil, err
	}
	k := local(aead)
	return &Cipher{newest: k, opens: []key{k}}, nil
}
