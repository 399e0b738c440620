package registrytest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func listTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"List/pages":            testPages,
		"List/made by registry": testOrderOfCreation,
		"List/bytes":            testOrderOfBytes,
		"List/erased meanwhile": testPagesWhileErasing,
		"List/limit":            testListLimit,
		"List/refused":          testListRefused,
		"All":                   testAll,
	}
}

// wantCount fails the test unless Count says n.
func wantCount(t *testing.T, s registry.Store, q registry.Query, n int) {
	t.Helper()
	if got, err := s.Count(t.Context(), q); got != n || err != nil {
		t.Errorf("Count %+v: got %d and %v, want %d", q, got, err, n)
	}
}

// collect lists all pages of a query.
func collect(t *testing.T, s registry.Store, q registry.Query) (all []tenancy.ID, pages int) {
	t.Helper()
	for more := true; more; more = q.After != "" {
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatalf("%+v: %v", q, err)
		}
		if len(page.Tenants) > q.PageSize() {
			t.Fatalf("%d tenants on a page of %d", len(page.Tenants), q.PageSize())
		}
		all = append(all, ids(page.Tenants)...)
		q.After, q.Skip = page.Next, 0
		pages++
	}
	return all, pages
}

func testPages(t *testing.T, s registry.Store) {
	const tenants = 107
	all := createMany(t, s, tenants, func(i int, n *registry.NewTenant) {
		if i%3 == 0 {
			n.Status, n.Plan = tenancy.StatusActive, "gold"
		}
		if i%2 == 0 {
			n.Isolation = tenancy.IsolationSchema
		}
	})
	created := ids(all)
	every := func(match func(int) bool) (some []tenancy.ID) {
		for i, id := range created {
			if match(i) {
				some = append(some, id)
			}
		}
		return some
	}
	thirds := every(func(i int) bool { return i%3 == 0 })
	sixths := every(func(i int) bool { return i%6 == 0 })
	newest := func(ids []tenancy.ID) []tenancy.ID { ids = slices.Clone(ids); slices.Reverse(ids); return ids }
	first, active := registry.Query{}, tenancy.StatusActive
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
		{registry.Query{Limit: -1, Status: active}, thirds, 1},
		{registry.Query{Limit: 12, Status: active}, thirds, 3}, // the last page is full
		{registry.Query{Limit: 5, Plan: "gold"}, thirds, 8},
		{registry.Query{Limit: 5, Plan: "Gold"}, nil, 1},
		{registry.Query{Limit: 50, Isolation: tenancy.IsolationSchema}, every(func(i int) bool { return i%2 == 0 }), 2},
		{registry.Query{Limit: 4, Status: active, Plan: "gold", Isolation: tenancy.IsolationSchema}, sixths, 5},
		{registry.Query{Status: tenancy.StatusDeleted}, nil, 1},
		{registry.Query{After: first.CursorAfter(all[99])}, created[100:], 1},
		{registry.Query{After: first.CursorAfter(tenancy.Tenant{ID: "id-099x"})}, created[100:], 1}, // an id that is gone
		{registry.Query{After: first.CursorAfter(all[106])}, nil, 1},
		{registry.Query{Skip: 100}, created[100:], 1},
		{registry.Query{Skip: 3, Limit: 50}, created[3:], 3},
		{registry.Query{Skip: 2, After: first.CursorAfter(all[99])}, created[102:], 1},
		{registry.Query{Skip: 1000}, nil, 1},
		{registry.Query{Order: registry.OrderNewest}, newest(created), 2},
		{registry.Query{Order: registry.OrderNewest, Limit: 10}, newest(created), 11},
		{registry.Query{Order: registry.OrderNewest, Limit: 7, Status: active}, newest(thirds), 6},
		{registry.Query{Order: registry.OrderNewest, Skip: 5, Limit: 7, Plan: "gold"}, newest(thirds)[5:], 5},
	} {
		got, pages := collect(t, s, test.query)
		if !slices.Equal(got, test.want) || pages != test.pages {
			t.Errorf("%+v: got %q on %d pages, want %q on %d", test.query, got, pages, test.want, test.pages)
		}
		if test.query.After == "" && test.query.Skip == 0 {
			wantCount(t, s, test.query, len(test.want))
		}
	}
}

// The ids that the registry makes are in the order of creation.
func testOrderOfCreation(t *testing.T, s registry.Store) {
	all := createMany(t, s, 30, func(_ int, n *registry.NewTenant) { n.ID = "" })
	got, _ := collect(t, s, registry.Query{Limit: 7})
	if want := ids(all); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Ids are in the order of their bytes, in whatever language the database is set up.
func testOrderOfBytes(t *testing.T, s registry.Store) {
	want := []tenancy.ID{"-", "1", "10", "2", "A", "Z", "_", "a", "a b", "aB", "ab", "z", "ß", "ä", "東", "\uffee", "🏢"}
	slices.Sort(want) // as Go does: by bytes
	for i, id := range slices.Backward(want) {
		create(t, s, registry.NewTenant{ID: id, Identifier: fmt.Sprint("tenant-", i), Name: "Tenant"})
	}
	for limit := range 3 {
		if got, _ := collect(t, s, registry.Query{Limit: limit}); !slices.Equal(got, want) {
			t.Errorf("limit %d: got %q, want %q", limit, got, want)
		}
	}
}

// No tenant is left out or seen twice because others come and go.
func testPagesWhileErasing(t *testing.T, s registry.Store) {
	for _, order := range []registry.Order{registry.OrderID, registry.OrderNewest} {
		all := createMany(t, s, 10, nil)
		q := registry.Query{Order: order, Limit: 4}
		page, err := s.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, seen := range page.Tenants { // the one that the cursor was made for, too
			if err := s.Erase(t.Context(), seen.ID); err != nil {
				t.Fatal(err)
			}
		}
		q.After = page.Next
		rest, _ := collect(t, s, q)
		got := slices.Concat(ids(page.Tenants), rest)
		if slices.Sort(got); !slices.Equal(got, ids(all)) {
			t.Errorf("order %q: got %q, want each once", order, got)
		}
		for _, id := range rest {
			if err := s.Erase(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func testListLimit(t *testing.T, s registry.Store) {
	createMany(t, s, registry.MaxLimit+1, func(i int, n *registry.NewTenant) {
		n.ID, n.Identifier = tenancy.ID(fmt.Sprintf("id-%05d", i)), fmt.Sprintf("tenant-%05d", i)
	})
	for limit, want := range map[int]int{0: registry.DefaultLimit, 7: 7, registry.MaxLimit + 1: registry.MaxLimit} {
		page, err := s.List(t.Context(), registry.Query{Limit: limit})
		if err != nil || len(page.Tenants) != want || page.Next == "" {
			t.Errorf("List, limit %d: got %d tenants, next %q and %v, want %d tenants", limit, len(page.Tenants), page.Next, err, want)
		}
		found, err := s.Search(t.Context(), "tenant", limit)
		if err != nil || len(found.Tenants) != want || found.Next != "" {
			t.Errorf("Search, limit %d: got %d tenants, next %q and %v, want %d tenants", limit, len(found.Tenants), found.Next, err, want)
		}
	}
}

func testListRefused(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	byID := registry.Query{}.CursorAfter(acme)
	byTime := registry.Query{Order: registry.OrderNewest}.CursorAfter(acme)
	for name, q := range map[string]registry.Query{
		"status": {Status: "unheard-of"}, "isolation": {Isolation: "unheard-of"}, "plan": {Plan: "a\x00"}, "space after plan": {Plan: "gold "}, "order": {Order: "random"},
		"skip": {Skip: -1}, "cursor": {After: "%"}, "damaged": {After: byID[1:]}, "an id": {After: registry.Cursor(acme.ID)},
		"cursor by time": {After: byTime}, "cursor by id": {Order: registry.OrderNewest, After: byID},
	} {
		_, err := s.List(t.Context(), q)
		wantError(t, "List, "+name, tenancy.Tenant{}, err, tenancy.ErrInvalidQuery)
		_, err = s.Count(t.Context(), q)
		wantError(t, "Count, "+name, tenancy.Tenant{}, err, tenancy.ErrInvalidQuery)
	}
}

func testAll(t *testing.T, s registry.Store) {
	want := ids(createMany(t, s, 25, nil))
	for _, limit := range []int{1, 7, 25, 100} {
		var got []tenancy.ID
		for tenant, err := range registry.All(t.Context(), s, registry.Query{Limit: limit, Skip: 2}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, tenant.ID)
		}
		if !slices.Equal(got, want[2:]) {
			t.Errorf("limit %d: got %q, want %q", limit, got, want[2:])
		}
	}
	for tenant, err := range registry.All(t.Context(), s, registry.Query{Status: "unheard-of"}) {
		if !errors.Is(err, tenancy.ErrInvalidQuery) {
			t.Errorf("got %v and %v, want ErrInvalidQuery", tenant, err)
		}
	}
}
