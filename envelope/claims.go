package envelope

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
)

const (
	// tokenType and audience are no other token's.
	tokenType = "tenancy-envelope"
	audience  = "tenancy:envelope"

	maxPurpose = 255      // bytes
	maxReason  = 1024     // bytes
	maxText    = 16 << 10 // bytes of an envelope: more than the longest that is sealed
)

// method is the one algorithm.
func method() *jwt.SigningMethodHMAC { return jwt.SigningMethodHS256 }

// claims is what an envelope says. Its subject is the tenant's id.
type claims struct {
	Purpose string `json:"tenancy_purpose"`
	Reason  string `json:"tenancy_system,omitempty"` // of a System scope
	jwt.RegisteredClaims
}

// Validate implements [jwt.ClaimsValidator]: an envelope is of a tenant or of a
// System scope, and never of both.
func (c *claims) Validate() error {
	switch {
	case c.Subject == "" && c.Reason == "":
		return errors.New("it is of nobody")
	case c.Subject != "" && c.Reason != "":
		return errors.New("it is of a tenant and of a System scope")
	case c.IssuedAt == nil:
		return errors.New("it does not say when it was sealed")
	case c.Subject != "":
		return tenancy.ID(c.Subject).Validate()
	}
	return nil
}

// checkPurpose reports whether a purpose survives its way through JSON.
func checkPurpose(purpose string) error {
	if len(purpose) > maxPurpose || !utf8.ValidString(purpose) {
		return fmt.Errorf("%w: the purpose must be valid UTF-8 of up to %d bytes", tenancy.ErrInvalidEnvelope, maxPurpose)
	}
	return nil
}
