package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
)

// Sizes of a page of List and Search.
const (
	// DefaultLimit is how many tenants a page has unless the caller says otherwise.
	DefaultLimit = 100
	// MaxLimit is how many tenants a page has at most.
	MaxLimit = 1000
)

// Order is the order in which List goes through the tenants.
type Order string

// The orders of List. Each page costs the same in either, however far it is
// from the first.
const (
	// OrderID goes by id, in the order of its bytes. That is the order of
	// creation where the registry made the ids. It is the default.
	OrderID Order = ""
	// OrderNewest goes by creation, the newest first.
	OrderNewest Order = "newest"
)

// Query says which tenants List returns. The zero Query is the first page of all.
type Query struct {
	// Status leaves out the tenants that have another. Defaults to all, the
	// deleted ones too.
	Status tenancy.Status
	// Plan leaves out the tenants that have another. Defaults to all.
	Plan string
	// Isolation leaves out the tenants that have another, and those that have
	// the application's default. Defaults to all.
	Isolation tenancy.Isolation
	// Order is the order of the tenants. Defaults to OrderID.
	Order Order
	// After is where to go on: the Next of the page before, with the same
	// Order. The tenant it was made for need not exist any more. Defaults to
	// the start.
	After Cursor
	// Skip is how many tenants to leave out from there. The database counts
	// them one by one, so use it for a few pages and After for many. Defaults to 0.
	Skip int
	// Limit is how many tenants are wanted. Defaults to DefaultLimit; more
	// than MaxLimit is taken as MaxLimit.
	Limit int
}

// PageSize returns the Limit that applies, for those who implement a Store.
func (q Query) PageSize() int { return pageSize(q.Limit) }

func pageSize(limit int) int {
	if limit <= 0 {
		return DefaultLimit
	}
	return min(limit, MaxLimit)
}

// Validate reports whether the query can be meant. The error is
// [tenancy.ErrInvalidQuery] and names the field.
func (q Query) Validate() error {
	_, _, err := q.Position()
	return cmp.Or(
		q.validateStatus(),
		asQuery("Plan", validatePlan(q.Plan)),
		asQuery("Isolation", q.Isolation.Validate()),
		q.validateOrder(),
		q.validateSkip(),
		err,
	)
}

func (q Query) validateStatus() error {
	if q.Status == "" {
		return nil
	}
	return asQuery("Status", q.Status.Validate())
}

func (q Query) validateOrder() error {
	if slices.Contains([]Order{OrderID, OrderNewest}, q.Order) {
		return nil
	}
	return invalidQuery("Order", "it is unknown")
}

func (q Query) validateSkip() error {
	if q.Skip < 0 {
		return invalidQuery("Skip", "it is negative")
	}
	return nil
}

// Matches reports whether the query's filters keep the tenant, for those who
// implement a Store.
func (q Query) Matches(t tenancy.Tenant) bool {
	return (q.Status == "" || t.Status == q.Status) &&
		(q.Plan == "" || t.Plan == q.Plan) &&
		(q.Isolation == "" || t.Isolation == q.Isolation)
}

// ValidateSearch reports whether text can be searched for: up to 255 characters of
// valid UTF-8 without control characters. The error is [tenancy.ErrInvalidQuery].
func ValidateSearch(text string) error {
	switch {
	case utf8.RuneCountInString(text) > maxText:
		return invalidQuery("text", fmt.Sprintf("it is longer than %d characters", maxText))
	case !utf8.ValidString(text):
		return invalidQuery("text", "it is not valid UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalidQuery("text", "it has a control character")
	}
	return nil
}

// Fold returns text as Search compares it: two texts that differ only in the
// case of their letters fold to the same, in any script. For those who
// implement a Store.
func Fold(text string) string {
	// Upper case first, because some letters have one upper and two lower cases, like the Greek sigma.
	return strings.ToLower(strings.ToUpper(text))
}

// asQuery makes an error about a tenant's field one about a query's.
func asQuery(field string, err error) error {
	if err == nil {
		return nil
	}
	return invalidQuery(field, "no tenant can have it")
}

func invalidQuery(field, why string) error {
	return fmt.Errorf("%w: %s: %s", tenancy.ErrInvalidQuery, field, why)
}
