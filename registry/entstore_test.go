package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

type gremlin struct{ dialect.Driver }

func (gremlin) Dialect() string { return dialect.Gremlin }

func TestNewEntStoreRefusesADriverItCannotUse(t *testing.T) {
	t.Parallel()
	for name, driver := range map[string]dialect.Driver{"nil": nil, "no SQL": gremlin{}} {
		store, err := registry.NewEntStore(driver, registry.EntConfig{})
		if store != nil || err == nil || !strings.Contains(err.Error(), "driver") {
			t.Errorf("%s: got %v and %v, want an error that names the argument", name, store, err)
		}
	}
	if store, err := registry.NewEntStore(untouched{}, registry.EntConfig{MaxTenants: -1}); store != nil || err == nil || !strings.Contains(err.Error(), "MaxTenants") {
		t.Errorf("got %v and %v for a negative limit", store, err)
	}
}

func TestStoreRefusesBeforeItAsks(t *testing.T) {
	t.Parallel()
	store, err := registry.NewEntStore(untouched{}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []tenancy.ID{"", "a\x00", "a\xff", " a", tenancy.ID(strings.Repeat("a", 1<<20))} {
		if _, err := store.ByID(t.Context(), id); !errors.Is(err, tenancy.ErrInvalidID) {
			t.Errorf("ByID(%.10q): got %v, want ErrInvalidID", id, err)
		}
	}
	for name, query := range map[string]registry.Query{
		"status": {Status: "unheard-of"}, "cursor": {After: "a\x00"}, "order": {Order: "random"}, "skip": {Skip: -1}, "plan": {Plan: "\xff"},
	} {
		_, list := store.List(t.Context(), query)
		_, count := store.Count(t.Context(), query)
		for _, err := range []error{list, count} {
			if !errors.Is(err, tenancy.ErrInvalidQuery) {
				t.Errorf("%s: got %v, want ErrInvalidQuery", name, err)
			}
		}
	}
	if _, err := store.Search(t.Context(), "a\x00", 0); !errors.Is(err, tenancy.ErrInvalidQuery) {
		t.Errorf("Search: got %v, want ErrInvalidQuery", err)
	}
	for name, call := range registrytest.Calls(store, tenancy.Tenant{}) {
		if name == "ByIdentifier" || name == "List" || name == "Count" || name == "Search" || name == "Create" {
			continue // which take no id
		}
		if err := call(t.Context()); !errors.Is(err, tenancy.ErrInvalidID) {
			t.Errorf("%s without an id: got %v, want ErrInvalidID", name, err)
		}
	}
}

func TestPageSize(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]int{-1: 100, 0: 100, 1: 1, 999: 999, 1000: 1000, 1001: 1000} {
		if got := (registry.Query{Limit: limit}).PageSize(); got != want {
			t.Errorf("limit %d: page of %d, want %d", limit, got, want)
		}
	}
}

// interrupted is a driver that has its own word for a context that is over, as SQLite's has.
type interrupted struct{ dialect.Driver }

func (interrupted) Dialect() string { return dialect.SQLite }

func (interrupted) Query(context.Context, string, any, any) error {
	return errors.New("interrupted (9)")
}

func (interrupted) Tx(context.Context) (dialect.Tx, error) { return nil, errors.New("interrupted (9)") }

func (interrupted) Exec(context.Context, string, any, any) error {
	return errors.New("interrupted (9)")
}

func TestContextThatIsOverIsTheError(t *testing.T) {
	t.Parallel()
	store, err := registry.NewEntStore(interrupted{}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	acme := tenancy.Tenant{ID: "t1", Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive, Version: 1}
	for ctx, want := range map[context.Context]bool{t.Context(): false, over: true} {
		for name, call := range registrytest.Calls(store, acme) {
			if err := call(ctx); errors.Is(err, context.Canceled) != want || errors.Is(err, tenancy.ErrUnavailable) == want {
				t.Errorf("%s: got %v, want context.Canceled: %v, and ErrUnavailable otherwise", name, err, want)
			}
		}
	}
}

// localised is a driver on a PostgreSQL that does not speak English.
type localised struct{ interrupted }

func (localised) Exec(context.Context, string, any, any) error { return sqlState("23505") }

func (localised) Query(context.Context, string, any, any) error { return sqlState("23505") }

type sqlState string

func (sqlState) Error() string      { return "doppelter Schlüsselwert verletzt Unique-Constraint" }
func (s sqlState) SQLState() string { return string(s) }

func TestTakenIsToldByTheStateNotTheWords(t *testing.T) {
	t.Parallel()
	store, err := registry.NewEntStore(localised{}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	if !errors.Is(err, tenancy.ErrExists) || strings.Contains(err.Error(), "Constraint") {
		t.Errorf("got %v, want ErrExists", err)
	}
}
