package envelope

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
)

// Key is what envelopes are signed with. All who seal and open have the same ones.
type Key struct {
	// ID names the key: 1 to 64 characters of printable ASCII. Envelopes show it.
	ID string
	// Secret is at least 32 bytes, from a source of random numbers.
	Secret tenancy.Secret
}

const (
	minSecret = 32 // bytes: as many as come out of the hash (RFC 7518 §3.2)
	maxKeyID  = 64
)

// label keeps this use of a secret apart from all others.
const label = "github.com/entenancy/tenancy/envelope v1"

// derive returns the key itself. Errors do not show the secret.
func (k Key) derive() ([]byte, error) {
	if k.ID == "" || len(k.ID) > maxKeyID {
		return nil, fmt.Errorf("its ID must have 1 to %d characters", maxKeyID)
	}
	for i := range len(k.ID) {
		if k.ID[i] <= ' ' || k.ID[i] > '~' {
			return nil, errors.New("its ID must be printable ASCII without spaces")
		}
	}
	secret := k.Secret.Reveal()
	if len(secret) < minSecret {
		return nil, fmt.Errorf("its Secret must have at least %d bytes", minSecret)
	}
	return hkdf.Key(sha256.New, []byte(secret), nil, label, sha256.Size)
}
