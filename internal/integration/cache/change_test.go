package cache_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

type change = func(ctx context.Context, s registry.Store, t tenancy.Tenant) error

// changes are all that can happen to an active tenant.
func changes() map[string]change {
	return map[string]change{
		"Update": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			t.Plan = "gold"
			return errorOf(s.Update(ctx, t))
		},
		"rename": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			t.Identifier = "renamed"
			return errorOf(s.Update(ctx, t))
		},
		"SetStatus": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.SetStatus(ctx, t.ID, tenancy.StatusSuspended))
		},
		"SetStatuses": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.SetStatuses(ctx, []tenancy.ID{"gone", t.ID}, tenancy.StatusSuspended))
		},
		"MergeMetadata": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.MergeMetadata(ctx, t.ID, map[string]any{"k": "v"}, "seats"))
		},
		"Delete": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(registry.Delete(ctx, s, t.ID))
		},
		"Restore": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			_, err := registry.Delete(ctx, s, t.ID)
			return errors.Join(err, errorOf(registry.Restore(ctx, s, t.ID)))
		},
		"Erase": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error { return s.Erase(ctx, t.ID) },
	}
}

func errorOf[T any](_ T, err error) error { return err }

func identifier(i int) string { return fmt.Sprintf("tenant-%04d", i) }
