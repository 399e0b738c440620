package registry

import (
	"cmp"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
)

// fromRow returns the tenant in the row. A row that says something unknown
// about how its tenant is served or kept apart, or holds metadata that cannot
// be decoded, is a [*BrokenError]: guessing would be worse.
func fromRow(row *ent.Tenant) (tenancy.Tenant, error) {
	t := tenancy.Tenant{
		ID:         row.ID,
		Identifier: row.Identifier,
		Name:       row.Name,
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
	status, isolation := row.Status.Validate(), row.Isolation.Validate()
	if status == nil {
		t.Status = row.Status
	}
	if isolation == nil {
		t.Isolation = row.Isolation
	}
	metadata, undecodable := decodeMetadata(row.Metadata)
	if undecodable == nil {
		t = t.WithMetadata(metadata)
	}
	if err := cmp.Or(status, isolation, undecodable); err != nil {
		return tenancy.Tenant{}, &BrokenError{Tenant: t, Err: err}
	}
	return t, nil
}
