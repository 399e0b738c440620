package middleware_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// says is a resolver that always says the same.
type says struct {
	middleware.Resolution
	err error
}

func (s says) Resolve(*http.Request) (middleware.Resolution, error) { return s.Resolution, s.err }
func (says) Vary() []string                                         { return []string{"Authorization", "X-Some"} }
func (says) Validate() error                                        { return nil }

func names(identifier string) says {
	return says{middleware.Resolution{Identifier: identifier}, nil}
}

var errRefuses = errors.New("refuses")

func TestFirst(t *testing.T) {
	t.Parallel()
	acme, globex, nothing, refuses := names("acme"), names("globex"), names(""), says{err: errRefuses}
	for name, test := range map[string]struct {
		asked []middleware.Resolver
		want  string
		err   error
	}{
		"one":                        {[]middleware.Resolver{acme}, "acme", nil},
		"the first":                  {[]middleware.Resolver{acme, globex}, "acme", nil},
		"the second":                 {[]middleware.Resolver{nothing, globex, acme}, "globex", nil},
		"none":                       {[]middleware.Resolver{nothing, nothing}, "", nil},
		"the first, before an error": {[]middleware.Resolver{acme, refuses}, "acme", nil},
		"an error is not made good":  {[]middleware.Resolver{refuses, acme}, "", errRefuses},
		"an error after nothing":     {[]middleware.Resolver{nothing, refuses, acme}, "", errRefuses},
		"of a first":                 {[]middleware.Resolver{middleware.First(nothing), middleware.First(nothing, globex)}, "globex", nil},
		"optional":                   {[]middleware.Resolver{middleware.Optional(nothing), middleware.Optional(acme)}, "acme", nil},
	} {
		got, err := middleware.First(test.asked...).Resolve(request(t, "/"))
		if got.Identifier != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %+v and %v", name, got, err)
		}
	}
}

func TestAgree(t *testing.T) {
	t.Parallel()
	acme, globex, nothing, refuses := names("acme"), names("globex"), names(""), says{err: errRefuses}
	optional := middleware.Optional
	for name, test := range map[string]struct {
		asked []middleware.Resolver
		want  string
		err   error
	}{
		"one":                           {[]middleware.Resolver{acme}, "acme", nil},
		"both":                          {[]middleware.Resolver{acme, acme}, "acme", nil},
		"different":                     {[]middleware.Resolver{acme, globex}, "", tenancy.ErrInvalidIdentifier},
		"different, of three":           {[]middleware.Resolver{acme, acme, globex}, "", tenancy.ErrInvalidIdentifier},
		"different, optional":           {[]middleware.Resolver{acme, optional(globex)}, "", tenancy.ErrInvalidIdentifier},
		"different, optional first":     {[]middleware.Resolver{optional(globex), acme}, "", tenancy.ErrInvalidIdentifier},
		"one is silent":                 {[]middleware.Resolver{acme, nothing}, "", tenancy.ErrInvalidIdentifier},
		"the first is silent":           {[]middleware.Resolver{nothing, acme}, "", tenancy.ErrInvalidIdentifier},
		"one is silent, and may":        {[]middleware.Resolver{acme, optional(nothing)}, "acme", nil},
		"the first is silent, and may":  {[]middleware.Resolver{optional(nothing), acme}, "acme", nil},
		"the required one is silent":    {[]middleware.Resolver{optional(acme), nothing}, "", tenancy.ErrInvalidIdentifier},
		"all are silent":                {[]middleware.Resolver{nothing, optional(nothing)}, "", tenancy.ErrInvalidIdentifier},
		"one refuses":                   {[]middleware.Resolver{acme, refuses}, "", errRefuses},
		"an optional one refuses":       {[]middleware.Resolver{acme, optional(refuses)}, "", errRefuses},
		"the case of letters is looked": {[]middleware.Resolver{acme, names("ACME")}, "", tenancy.ErrInvalidIdentifier},
		"with a first":                  {[]middleware.Resolver{middleware.First(nothing, acme), acme}, "acme", nil},
		"different, within a first":     {[]middleware.Resolver{middleware.First(nothing, globex), acme}, "", tenancy.ErrInvalidIdentifier},
	} {
		got, err := middleware.Agree(test.asked...).Resolve(request(t, "/"))
		if got.Identifier != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: got %+v and %v", name, got, err)
		}
	}
}

// What each of them knows beside the tenant is known together.
func TestAgreeKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	want := middleware.Resolution{Identifier: "acme", Principal: "jo", Path: "/a", RawPath: "/%61"}
	byToken := says{middleware.Resolution{Identifier: "acme", Principal: "jo"}, nil}
	byPath := says{middleware.Resolution{Identifier: "acme", Path: "/a", RawPath: "/%61"}, nil}
	other := says{middleware.Resolution{Identifier: "acme", Principal: "flo", Path: "/b"}, nil}
	for i, asked := range [][]middleware.Resolver{{byToken, byPath}, {byPath, byToken}, {byPath, byToken, other}} {
		if got, err := middleware.Agree(asked...).Resolve(request(t, "/")); err != nil || got != want {
			t.Errorf("number %d: got %+v and %v", i, got, err)
		}
	}
}

func TestCombinationsThatCannotBe(t *testing.T) {
	t.Parallel()
	checkRefusedByNew(t, "middleware: First: resolvers", middleware.First(), middleware.First(nil), middleware.First(names("acme"), nil))
	checkRefusedByNew(t, "middleware: Agree: resolvers", middleware.Agree(), middleware.Agree(names("acme"), nil),
		middleware.Agree(middleware.Optional(names("acme"))))
	checkRefusedByNew(t, "middleware: Optional: resolver", middleware.Optional(nil), middleware.Agree(names("acme"), middleware.Optional(nil)))
	checkRefusedByNew(t, "middleware: Header: name", middleware.First(names("acme"), middleware.Header("")), middleware.Agree(middleware.Header("")),
		middleware.Optional(middleware.Header("")))
}

func TestCombinationsVaryByAll(t *testing.T) {
	t.Parallel()
	for _, combined := range []middleware.Resolver{
		middleware.First(names("acme"), middleware.Header("X-Tenant"), names("acme")),
		middleware.Agree(names("acme"), middleware.Optional(middleware.Header("X-Tenant")), names("acme")),
	} {
		if got := combined.Vary(); !slices.Equal(got, []string{"Authorization", "X-Some", "X-Tenant", "X-Tenancy-Uid"}) {
			t.Errorf("it varies by %q", got)
		}
	}
}
