package registry_test

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// untouched is a driver that panics when it is asked for anything but its dialect.
type untouched struct{ dialect.Driver }

func (untouched) Dialect() string { return dialect.Postgres }

func TestCreateRefusesBeforeItWrites(t *testing.T) {
	t.Parallel()
	store, err := registry.NewEntStore(untouched{}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range invalidTenants() {
		n := registry.NewTenant{Identifier: "acme", Name: "Acme"}
		test.change(&n)
		for _, err := range []error{n.Validate(), second(store.Create(t.Context(), n))} {
			if !errors.Is(err, test.want) || !strings.HasPrefix(err.Error(), "tenancy: ") {
				t.Errorf("%s: got %v, want %v", name, err, test.want)
			}
			if strings.Contains(err.Error(), "hidden") {
				t.Errorf("%s: the error repeats what it was given: %v", name, err)
			}
		}
	}
}

func second[T any](_ T, err error) error { return err }

type invalidTenant struct {
	want   error
	change func(*registry.NewTenant)
}

func invalidTenants() map[string]invalidTenant {
	id, identifier, other := tenancy.ErrInvalidID, tenancy.ErrInvalidIdentifier, tenancy.ErrInvalidTenant
	metadata := func(value any) func(*registry.NewTenant) {
		return func(n *registry.NewTenant) { n.Metadata = map[string]any{"key": value} }
	}
	return map[string]invalidTenant{
		"no identifier":       {identifier, func(n *registry.NewTenant) { n.Identifier = "" }},
		"short identifier":    {identifier, func(n *registry.NewTenant) { n.Identifier = "ac" }},
		"long identifier":     {identifier, func(n *registry.NewTenant) { n.Identifier = strings.Repeat("a", 64) }},
		"huge identifier":     {identifier, func(n *registry.NewTenant) { n.Identifier = strings.Repeat("hidden", 1<<20) }},
		"upper identifier":    {identifier, func(n *registry.NewTenant) { n.Identifier = "Hidden" }},
		"newline identifier":  {identifier, func(n *registry.NewTenant) { n.Identifier = "hidden\n" }},
		"dash identifier":     {identifier, func(n *registry.NewTenant) { n.Identifier = "hidden-" }},
		"control in id":       {id, func(n *registry.NewTenant) { n.ID = "hidden\x00" }},
		"space after id":      {id, func(n *registry.NewTenant) { n.ID = "hidden " }},
		"long id":             {id, func(n *registry.NewTenant) { n.ID = tenancy.ID(strings.Repeat("a", 256)) }},
		"no name":             {other, func(n *registry.NewTenant) { n.Name = "" }},
		"blank name":          {other, func(n *registry.NewTenant) { n.Name = " \t\u2003" }},
		"long name":           {other, func(n *registry.NewTenant) { n.Name = strings.Repeat("ä", 256) }},
		"NUL in name":         {other, func(n *registry.NewTenant) { n.Name = "hidden\x00" }},
		"newline in name":     {other, func(n *registry.NewTenant) { n.Name = "hidden\nlevel=ERROR" }},
		"name not UTF-8":      {other, func(n *registry.NewTenant) { n.Name = "hidden\xff" }},
		"long plan":           {other, func(n *registry.NewTenant) { n.Plan = strings.Repeat("a", 256) }},
		"status":              {other, func(n *registry.NewTenant) { n.Status = "hidden" }},
		"isolation":           {other, func(n *registry.NewTenant) { n.Isolation = "hidden" }},
		"long schema":         {other, placed("", strings.Repeat("a", 64), "")},
		"NUL in schema":       {other, placed("", "hidden\x00", "")},
		"NUL in URL":          {other, placed("", "", "hidden\x00")},
		"long URL":            {other, placed("", "", strings.Repeat("hidden", 1000))},
		"two places":          {other, placed("", "hidden", "hidden")},
		"schema not used":     {other, placed(tenancy.IsolationShared, "hidden", "")},
		"schema not used 2":   {other, placed(tenancy.IsolationDatabase, "hidden", "")},
		"URL not used":        {other, placed(tenancy.IsolationRLS, "", "hidden")},
		"function":            {other, metadata(func() {})},
		"not a number":        {other, metadata(math.NaN())},
		"not encodable":       {other, metadata(unencodable{})},
		"NUL in metadata":     {other, metadata("hidden\x00")},
		"NUL in a list":       {other, metadata([]any{"a", map[string]any{"b": "hidden\x00"}})},
		"NUL in metadata key": {other, metadata(map[string]string{"hidden\x00": ""})},
	}
}

func placed(i tenancy.Isolation, schema, url string) func(*registry.NewTenant) {
	return func(n *registry.NewTenant) {
		n.Isolation = i
		n.Placement = tenancy.Placement{Schema: schema, DatabaseURL: tenancy.NewSecret(url)}
	}
}

type unencodable struct{}

func (unencodable) MarshalJSON() ([]byte, error) { return nil, errors.New("hidden") }

func TestNewTenantThatIsValid(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*registry.NewTenant){
		"only what is required":  func(*registry.NewTenant) {},
		"any id":                 func(n *registry.NewTenant) { n.ID = "customers/42" },
		"schema by default":      placed("", "tenant_acme", ""),
		"schema":                 placed(tenancy.IsolationSchema, "tenant_acme", ""),
		"database by default":    placed("", "", "postgres://h/d"),
		"database":               placed(tenancy.IsolationDatabase, "", "postgres://h/d"),
		"isolation and no place": placed(tenancy.IsolationDatabase, "", ""),
		"escape that is no NUL":  func(n *registry.NewTenant) { n.Metadata = map[string]any{"k": `\u0000`} },
	} {
		n := registry.NewTenant{Identifier: "acme", Name: "Acme"}
		change(&n)
		if err := n.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNewTenantShowsNoSecret(t *testing.T) {
	t.Parallel()
	n := registry.NewTenant{ID: "1", Identifier: "acme", Metadata: map[string]any{tenancy.SecretPrefix + "key": "hidden"}}
	var logged strings.Builder
	slog.New(slog.NewTextHandler(&logged, nil)).Info("created", "tenant", n)
	for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", n, n, &n, n), logged.String()} {
		if strings.Contains(shown, "hidden") || !strings.Contains(shown, "acme") {
			t.Errorf("it shows as %s", shown)
		}
	}
}
