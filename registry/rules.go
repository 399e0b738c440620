package registry

import (
	"cmp"
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// Created returns the tenant that [Store].Create adds for n, or the error that
// it has for it. It is for those who implement a Store, who then only have to
// look whether the id or the identifier is taken.
func Created(n NewTenant) (tenancy.Tenant, error) {
	if err := n.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	metadata, err := asJSON(n.Metadata)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	id := n.ID
	if id == "" {
		made, err := uuid.NewV7()
		if err != nil {
			return tenancy.Tenant{}, fmt.Errorf("registry: making an id: %w", err)
		}
		id = tenancy.ID(made.String())
	}
	now := tenant.DefaultCreatedAt()
	t := tenancy.Tenant{
		ID: id, Identifier: n.Identifier, Name: n.Name, Status: cmp.Or(n.Status, tenancy.StatusProvisioning),
		Isolation: n.Isolation, Placement: n.Placement, Plan: n.Plan, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if t.Status == tenancy.StatusDeleted {
		t.DeletedAt = now
	}
	return t.WithMetadata(metadata), nil
}

// Updated returns what [Store].Update makes of a tenant that is old so far
// when it is given t, or the error that it has for that. It is for those who
// implement a Store, who have to look afterwards whether the identifier is taken, and
// to let no one else change the tenant between reading old and writing the result.
func Updated(old, t tenancy.Tenant) (tenancy.Tenant, error) {
	if err := validateUpdate(t); err != nil {
		return tenancy.Tenant{}, err
	}
	if old.Version != t.Version {
		return tenancy.Tenant{}, errConflict(t.ID)
	}
	metadata, err := asJSON(t.Metadata())
	if err != nil {
		return tenancy.Tenant{}, err
	}
	changed := old.WithMetadata(metadata)
	changed.Identifier, changed.Name, changed.Plan = t.Identifier, t.Name, t.Plan
	changed.Isolation, changed.Placement = t.Isolation, t.Placement
	if t.Status != old.Status {
		return WithStatus(changed, t.Status)
	}
	return touched(changed), nil
}

// WithStatus returns what [Store].SetStatus makes of a tenant, or the error
// that it has for it. It is for those who implement a Store, as Updated is.
func WithStatus(t tenancy.Tenant, to tenancy.Status) (tenancy.Tenant, error) {
	if err := t.Status.Transition(to); err != nil {
		return tenancy.Tenant{}, err
	}
	t = touched(t)
	t.Status, t.DeletedAt = to, time.Time{}
	if to == tenancy.StatusDeleted {
		t.DeletedAt = t.UpdatedAt
	}
	return t, nil
}

// WithMetadata returns what [Store].MergeMetadata makes of a tenant, or the
// error that it has for it. It is for those who implement a Store, as Updated is.
func WithMetadata(t tenancy.Tenant, values map[string]any, remove ...string) (tenancy.Tenant, error) {
	put, putErr := asJSON(values)
	gone, goneErr := asJSON(absent(remove))
	if err := cmp.Or(putErr, goneErr); err != nil {
		return tenancy.Tenant{}, err
	}
	metadata := t.Metadata()
	for key := range gone {
		delete(metadata, key)
	}
	maps.Copy(metadata, put)
	return touched(t.WithMetadata(metadata)), nil
}

func touched(t tenancy.Tenant) tenancy.Tenant {
	t.Version++
	t.UpdatedAt = tenant.DefaultUpdatedAt()
	return t
}

// asJSON returns values as they come back from a database.
func asJSON(values map[string]any) (map[string]any, error) {
	text, err := encodeMetadata(values)
	if err != nil {
		return nil, err
	}
	return decodeMetadata(text)
}
