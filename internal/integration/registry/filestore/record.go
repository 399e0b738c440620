package filestore

import (
	"time"

	"github.com/entenancy/tenancy"
)

// record is what a file holds. A tenancy.Tenant hides its secrets when it is
// marshalled, so what keeps tenants has a form of its own.
type record struct {
	ID          tenancy.ID        `json:"id"`
	Identifier  string            `json:"identifier"`
	Name        string            `json:"name"`
	Status      tenancy.Status    `json:"status"`
	Isolation   tenancy.Isolation `json:"isolation"`
	Schema      string            `json:"schema"`
	DatabaseURL string            `json:"database_url"`
	Plan        string            `json:"plan"`
	Metadata    map[string]any    `json:"metadata"`
	Version     int64             `json:"version"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	DeletedAt   time.Time         `json:"deleted_at,omitzero"`
}

func recordOf(t tenancy.Tenant) record {
	return record{
		ID: t.ID, Identifier: t.Identifier, Name: t.Name, Status: t.Status, Isolation: t.Isolation,
		Schema: t.Placement.Schema, DatabaseURL: t.Placement.DatabaseURL.Reveal(), Plan: t.Plan, Metadata: t.Metadata(),
		Version: t.Version, CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, DeletedAt: t.DeletedAt,
	}
}

func (r record) tenant() tenancy.Tenant {
	return tenancy.Tenant{
		ID: r.ID, Identifier: r.Identifier, Name: r.Name, Status: r.Status, Isolation: r.Isolation,
		Placement: tenancy.Placement{Schema: r.Schema, DatabaseURL: tenancy.NewSecret(r.DatabaseURL)}, Plan: r.Plan,
		Version: r.Version, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, DeletedAt: r.DeletedAt,
	}.WithMetadata(r.Metadata)
}
