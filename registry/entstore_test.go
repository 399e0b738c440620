package registry_test

import (
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
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
	for want, query := range map[error]registry.Query{
		tenancy.ErrInvalidTenant: {Status: "unheard-of"},
		tenancy.ErrInvalidID:     {After: "a\x00"},
	} {
		if _, err := store.List(t.Context(), query); !errors.Is(err, want) {
			t.Errorf("List(%+v): got %v, want %v", query, err, want)
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
