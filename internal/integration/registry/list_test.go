package registry_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func TestListPages(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		const tenants = 107
		created := make([]tenancy.ID, tenants) // in the order of creation, which UUIDv7 ids keep
		var active []tenancy.ID
		for i := range created {
			n := registry.NewTenant{Identifier: fmt.Sprintf("tenant-%d", i), Name: "Tenant"}
			if i%3 == 0 {
				n.Status = tenancy.StatusActive
			}
			tenant, err := store.Create(t.Context(), n)
			if err != nil {
				t.Fatal(err)
			}
			created[i] = tenant.ID
			if i%3 == 0 {
				active = append(active, tenant.ID)
			}
		}
		for _, test := range []struct {
			query registry.Query
			want  []tenancy.ID
			pages int
		}{
			{registry.Query{}, created, 2},
			{registry.Query{Limit: 1}, created, tenants},
			{registry.Query{Limit: 10}, created, 11},
			{registry.Query{Limit: tenants}, created, 1},
			{registry.Query{Limit: 1 << 40}, created, 1},
			{registry.Query{Limit: -1, Status: tenancy.StatusActive}, active, 1},
			{registry.Query{Limit: 12, Status: tenancy.StatusActive}, active, 3}, // the last page is full
			{registry.Query{Status: tenancy.StatusDeleted}, nil, 1},
			{registry.Query{After: created[99]}, created[100:], 1},
			{registry.Query{After: created[99] + "x"}, created[100:], 1}, // an id that is gone
			{registry.Query{After: created[106]}, nil, 1},
			{registry.Query{After: "zzz"}, nil, 1},
		} {
			got, pages := collect(t, store, test.query)
			if !slices.Equal(got, test.want) || pages != test.pages {
				t.Errorf("%+v: got %d tenants on %d pages, want %d on %d", test.query, len(got), pages, len(test.want), test.pages)
			}
		}
	})
}

// collect lists all pages of a query.
func collect(t *testing.T, store registry.Store, query registry.Query) (ids []tenancy.ID, pages int) {
	t.Helper()
	for more := true; more; more = query.After != "" {
		page, err := store.List(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Tenants) > query.PageSize() {
			t.Fatalf("%d tenants on a page of %d", len(page.Tenants), query.PageSize())
		}
		for _, tenant := range page.Tenants {
			ids = append(ids, tenant.ID)
		}
		query.After = page.Next
		pages++
	}
	return ids, pages
}

func TestListIsNeverLongerThanItsLimit(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		db.fill(t, registry.MaxLimit+1)
		for limit, want := range map[int]int{0: registry.DefaultLimit, 7: 7, registry.MaxLimit + 1: registry.MaxLimit} {
			page, err := store.List(t.Context(), registry.Query{Limit: limit})
			if err != nil || len(page.Tenants) != want || page.Next != page.Tenants[want-1].ID {
				t.Errorf("limit %d: got %d tenants, next %q and %v, want %d tenants", limit, len(page.Tenants), page.Next, err, want)
			}
		}
	})
}

func TestListOfAQueryThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		for want, query := range map[error]registry.Query{
			tenancy.ErrInvalidTenant: {Status: "unheard-of"},
			tenancy.ErrInvalidID:     {After: "a\x00"},
		} {
			if _, err := store.List(t.Context(), query); !errors.Is(err, want) {
				t.Errorf("%+v: got %v, want %v", query, err, want)
			}
		}
	})
}

// One row that cannot be understood is an error for its tenant only.
func TestBrokenRow(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		var log bytes.Buffer
		store, err := registry.NewEntStore(db.driver, registry.EntConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		broken := map[tenancy.ID][2]string{
			"status": {"status", "unheard-of"}, "no status": {"status", ""}, "isolation": {"isolation", "unheard-of"},
			"list": {"metadata", `["secret"]`}, "string": {"metadata", `"secret"`},
		}
		if db.driver.Dialect() == dialect.SQLite { // the others keep such text out
			broken["no json"] = [2]string{"metadata", `{"secret`}
		}
		for _, id := range append(ids(broken), "a", "z") {
			n := registry.NewTenant{ID: id, Identifier: "t-" + strings.ReplaceAll(string(id), " ", "-"), Name: "T"}
			if _, err := store.Create(t.Context(), n); err != nil {
				t.Fatal(err)
			}
		}
		for id, change := range broken {
			db.set(t, id, change[0], change[1])
			_, byID := store.ByID(t.Context(), id)
			_, byIdentifier := store.ByIdentifier(t.Context(), "t-"+strings.ReplaceAll(string(id), " ", "-"))
			for _, err := range []error{byID, byIdentifier} {
				if !errors.Is(err, tenancy.ErrInvalidTenant) || !strings.Contains(err.Error(), fmt.Sprintf("%q", id)) || strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: got %v, want ErrInvalidTenant that names the tenant and not its data", id, err)
				}
			}
		}
		page, err := store.List(t.Context(), registry.Query{})
		if err != nil || len(page.Tenants) != 2 || page.Tenants[0].ID != "a" || page.Tenants[1].ID != "z" {
			t.Errorf("List returned %v and %v, want the tenants a and z", page.Tenants, err)
		}
		if want := ids(broken); !slices.Equal(page.Invalid, want) {
			t.Errorf("List left out %q, want %q", page.Invalid, want)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != len(broken) {
			t.Errorf("%d warnings for %d broken rows", got, len(broken))
		}
	})
}

// A page can be made of nothing but broken rows, and the next one not.
func TestBrokenRowsDoNotEndAList(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		db.fill(t, 5)
		for _, id := range []tenancy.ID{"00002", "00003"} {
			db.set(t, id, "status", "unheard-of")
		}
		got, pages := collect(t, store, registry.Query{Limit: 1})
		if want := []tenancy.ID{"00000", "00001", "00004"}; !slices.Equal(got, want) || pages != 5 {
			t.Errorf("got %q on %d pages, want %q on 5", got, pages, want)
		}
	})
}

func ids[V any](of map[tenancy.ID]V) []tenancy.ID {
	var ids []tenancy.ID
	for id := range of {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
