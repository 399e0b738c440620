package registrytest

import (
	"context"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func contextTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){"Context that is over": testContextIsOver}
}

// Calls returns a call of every method of a store with a tenant t, by the
// method's name, for tests of what they have in common.
func Calls(s registry.Store, t tenancy.Tenant) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"ByIdentifier": func(ctx context.Context) error { return second(s.ByIdentifier(ctx, t.Identifier)) },
		"ByID":         func(ctx context.Context) error { return second(s.ByID(ctx, t.ID)) },
		"ByIDs":        func(ctx context.Context) error { return second(s.ByIDs(ctx, []tenancy.ID{t.ID})) },
		"List":         func(ctx context.Context) error { return second(s.List(ctx, registry.Query{})) },
		"Count":        func(ctx context.Context) error { return second(s.Count(ctx, registry.Query{})) },
		"Search":       func(ctx context.Context) error { return second(s.Search(ctx, t.Name, 0)) },
		"Create": func(ctx context.Context) error {
			return second(s.Create(ctx, registry.NewTenant{Identifier: "created", Name: "Created"}))
		},
		"Update":    func(ctx context.Context) error { return second(s.Update(ctx, t)) },
		"SetStatus": func(ctx context.Context) error { return second(s.SetStatus(ctx, t.ID, tenancy.StatusSuspended)) },
		"SetStatuses": func(ctx context.Context) error {
			return second(s.SetStatuses(ctx, []tenancy.ID{t.ID}, tenancy.StatusSuspended))
		},
		"MergeMetadata": func(ctx context.Context) error { return second(s.MergeMetadata(ctx, t.ID, object{"k": "v"})) },
		"Erase":         func(ctx context.Context) error { return s.Erase(ctx, t.ID) },
	}
}

func second[T any](_ T, err error) error { return err }

func testContextIsOver(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancel := context.WithDeadline(t.Context(), time.Now())
	defer cancel()
	for name, call := range Calls(s, acme) {
		wantError(t, name, tenancy.Tenant{}, call(cancelled), context.Canceled)
		wantError(t, name, tenancy.Tenant{}, call(late), context.DeadlineExceeded)
	}
	wantStored(t, s, acme)
	wantCount(t, s, registry.Query{}, 1)
}
