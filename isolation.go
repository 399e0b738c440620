package tenancy

import (
	"fmt"
	"slices"
)

// Isolation says what keeps a tenant's rows apart from the others'. The empty
// Isolation means the application's default.
type Isolation string

// The ways of keeping tenants apart, from the densest to the most separate.
const (
	// IsolationShared keeps rows in shared tables, told apart by their tenant column.
	IsolationShared Isolation = "shared"
	// IsolationRLS is IsolationShared with PostgreSQL's row-level security beneath it.
	IsolationRLS Isolation = "rls"
	// IsolationSchema gives the tenant a schema of its own.
	IsolationSchema Isolation = "schema"
	// IsolationDatabase gives the tenant a database of its own.
	IsolationDatabase Isolation = "database"
)

// Isolations lists every isolation, from the densest to the most separate.
func Isolations() []Isolation {
	return []Isolation{IsolationShared, IsolationRLS, IsolationSchema, IsolationDatabase}
}

// Validate reports whether i is empty or one of the documented isolations.
// The error is [ErrInvalidTenant].
func (i Isolation) Validate() error {
	if i == "" || slices.Contains(Isolations(), i) {
		return nil
	}
	return fmt.Errorf("%w: unknown isolation", ErrInvalidTenant)
}

// Placement says where a tenant's rows live. It is stored in the registry when
// the tenant is provisioned and never derived a second time.
type Placement struct {
	// Schema is the name of the tenant's schema (PostgreSQL) or database
	// (MySQL). Empty unless the isolation is IsolationSchema.
	Schema string `json:"schema,omitempty"`
	// DatabaseURL reaches the tenant's own database. Empty unless the
	// isolation is IsolationDatabase.
	DatabaseURL Secret `json:"database_url,omitzero"`
}
