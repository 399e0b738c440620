package manager

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/entenancy/tenancy"
)

// Receipt says what was erased of a tenant. It holds none of the tenant's data,
// and can be kept when all else is gone.
type Receipt struct {
	// TenantID is whose data it was, and Identifier the name that it had.
	TenantID   tenancy.ID        `json:"tenant_id"`
	Identifier string            `json:"identifier"`
	Isolation  tenancy.Isolation `json:"isolation"`
	// Namespace is the schema, database or file that was the tenant's, empty for
	// a tenant in shared tables. Dropped is whether it was there.
	Namespace string `json:"namespace,omitempty"`
	Dropped   bool   `json:"dropped,omitempty"`
	// Rows are what was deleted in each of the shared tables, in the order of the
	// deletion. Afterwards each was counted, and had none of the tenant's. For a tenant
	// with a namespace they are what it had left in those that the home has.
	Rows []ErasedRows `json:"rows,omitempty"`
	// ErasedAt is when it was done, in UTC to the second.
	ErasedAt time.Time `json:"erased_at"`
	// Digest is the SHA-256 of the rest, in hexadecimal. See Intact.
	Digest string `json:"digest"`
}

// ErasedRows are the rows of one table.
type ErasedRows struct {
	Table string `json:"table"`
	Rows  int64  `json:"rows"`
}

// Intact reports whether the receipt is as Erase has made it, also after it was
// written as JSON and read again. It protects from accidents: who wants to forge a
// receipt can make a digest too.
func (r Receipt) Intact() bool { return r.Digest == r.digest() }

func (r Receipt) digest() string {
	r.Digest = ""
	text, err := json.Marshal(r)
	if err != nil {
		return "" // a Receipt holds nothing that JSON cannot
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
