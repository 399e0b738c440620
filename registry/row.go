package registry

import (
	"cmp"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
)

// fromRow returns the tenant in the row. A row that says something unknown
// about how its tenant is served or kept apart, or holds metadata that cannot
// be decoded, is [tenancy.ErrInvalidTenant]: guessing would be worse.
func fromRow(row *ent.Tenant) (tenancy.Tenant, error) {
	metadata, undecodable := decodeMetadata(row.Metadata)
	if err := cmp.Or(row.Status.Validate(), row.Isolation.Validate(), undecodable); err != nil {
		return tenancy.Tenant{}, fmt.Errorf("tenancy: registry: tenant %q: %w", row.ID, err)
	}
	t := tenancy.Tenant{
		ID:         row.ID,
		Identifier: row.Identifier,
		Name:       row.Name,
		Status:     row.Status,
		Isolation:  row.Isolation,
		Placement: tenancy.Placement{
			Schema:      row.SchemaName,
			DatabaseURL: tenancy.NewSecret(row.DatabaseURL),
		},
		Plan:      row.Plan,
		Version:   row.Version,
		CreatedAt: row.CreatedAt.UTC(),
		UpdatedAt: row.UpdatedAt.UTC(),
	}
	if row.DeletedAt != nil {
		t.DeletedAt = row.DeletedAt.UTC()
	}
	return t.WithMetadata(metadata), nil
}
