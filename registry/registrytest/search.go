package registrytest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func searchTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"Search/ranks":   testSearch,
		"Search/changes": testSearchFollowsChanges,
		"Search/refused": testSearchRefused,
	}
}

func testSearch(t *testing.T, s registry.Store) {
	for id, n := range map[tenancy.ID]registry.NewTenant{
		"exact identifier": {Identifier: "acme", Name: "Zulu"},
		"exact name":       {Identifier: "zzz-zz", Name: "ACME"},
		"prefix of name":   {Identifier: "bbb-bb", Name: "Acme & Sons"},
		"prefix":           {Identifier: "acme-corp", Name: "Corporation"},
		"in name":          {Identifier: "aaa-aa", Name: "The Acme"},
		"in identifier":    {Identifier: "not-acme", Name: "Other"},
		"percent":          {Identifier: "percent", Name: "100% sure_thing"},
		"no percent":       {Identifier: "no-percent", Name: "100 sure thing"},
		"backslash":        {Identifier: "backslash", Name: `C:\temp`},
		"umlaut":           {Identifier: "umlaut", Name: "MÜNCHEN Ökonomie"},
		"greek":            {Identifier: "greek", Name: "Οδυσσεύς"},
		"quote":            {Identifier: "quote", Name: `O'Neill "Ltd"`},
	} {
		n.ID = id
		create(t, s, n)
	}
	for text, want := range map[string][]tenancy.ID{
		"acme": {"exact identifier", "exact name", "prefix", "prefix of name", "in name", "in identifier"},
		"aCMe": {"exact identifier", "exact name", "prefix", "prefix of name", "in name", "in identifier"},
		"acm":  {"exact identifier", "prefix", "prefix of name", "exact name", "in name", "in identifier"},
		"%":    {"percent"}, "0% S": {"percent"}, "e_t": {"percent"}, "_": {"percent"}, "100%": {"percent"}, "1__ ": nil, "%cme": nil,
		`\`: {"backslash"}, `:\T`: {"backslash"}, `\\`: nil, `\%`: nil,
		"münchen": {"umlaut"}, "ÖKO": {"umlaut"}, "munchen": nil, "οδυσσευς": nil, "ΟΔΥΣΣΕΎΣ": {"greek"}, "ΣΣΕΎσ": {"greek"},
		"o'neill": {"quote"}, `"ltd`: {"quote"}, "' OR '1'='1": nil,
		"nothing like it": nil, strings.Repeat("a", 255): nil,
	} {
		page, err := s.Search(t.Context(), text, 0)
		wantIDs(t, fmt.Sprintf("Search %q", text), page, err, want...)
	}
	for limit := 1; limit < 6; limit++ {
		all := []tenancy.ID{"exact identifier", "exact name", "prefix", "prefix of name", "in name", "in identifier"}
		page, err := s.Search(t.Context(), "acme", limit)
		wantIDs(t, fmt.Sprint("limit ", limit), page, err, all[:limit]...)
	}
	if page, err := s.Search(t.Context(), "", 3); err != nil || len(page.Tenants) != 3 || page.Tenants[0].Identifier != "aaa-aa" {
		t.Errorf("the empty text is in everyone's name: got %q and %v", ids(page.Tenants), err)
	}
}

func testSearchFollowsChanges(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	acme.Identifier, acme.Name = "globex", "Übermut"
	if _, err := s.Update(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]tenancy.ID{"acme": nil, "tenant": nil, "globex": {acme.ID}, "ÜBER": {acme.ID}} {
		page, err := s.Search(t.Context(), text, 0)
		wantIDs(t, text, page, err, want...)
	}
	if err := s.Erase(t.Context(), acme.ID); err != nil {
		t.Fatal(err)
	}
	page, err := s.Search(t.Context(), "globex", 0)
	wantIDs(t, "after Erase", page, err)
}

func testSearchRefused(t *testing.T, s registry.Store) {
	for _, text := range []string{"a\x00", "a\xff", "a\n", strings.Repeat("a", 256), strings.Repeat("a", 1<<20)} {
		_, err := s.Search(t.Context(), text, 0)
		wantError(t, fmt.Sprintf("%.10q", text), tenancy.Tenant{}, err, tenancy.ErrInvalidQuery)
	}
}
