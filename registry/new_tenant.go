package registry

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
)

// NewTenant is what Create makes a tenant from. Identifier and Name are required.
type NewTenant struct {
	// Identifier is the name that URLs and headers carry. It must pass
	// [tenancy.ValidateIdentifier].
	Identifier string
	// Name is for people: 1 to 255 characters on one line.
	Name string

	// ID is the tenant's identity. Defaults to a UUIDv7; any id that passes
	// [tenancy.ID.Validate] will do.
	ID tenancy.ID
	// Status is the one that the tenant begins with. Defaults to
	// tenancy.StatusProvisioning, which is not served.
	Status tenancy.Status
	// Isolation says what keeps the tenant's rows apart. Defaults to none,
	// which means the application's default.
	Isolation tenancy.Isolation
	// Placement says where its rows live. It must agree with Isolation.
	Placement tenancy.Placement
	// Plan is the application's own word for what the tenant has bought, up to
	// 255 characters on one line, without a space at either end.
	Plan string
	// Metadata is what the application keeps with the tenant: anything that
	// encoding/json makes an object of. It comes back as JSON gives it, with
	// numbers as float64. A number that would come back as another, such as an
	// integer above 1<<53 with all its digits, is refused: give it as a text.
	Metadata map[string]any
}

// String names the tenant by what is known of it: its metadata may hold secrets.
func (n NewTenant) String() string {
	return tenancy.Tenant{ID: n.ID, Identifier: n.Identifier}.String()
}

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (n NewTenant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, n.String()) }

// LogValue implements [slog.LogValuer] as [tenancy.Tenant] does.
func (n NewTenant) LogValue() slog.Value {
	return tenancy.Tenant{ID: n.ID, Identifier: n.Identifier, Status: n.Status, Isolation: n.Isolation, Plan: n.Plan}.LogValue()
}

// Lengths of the columns, in characters.
const (
	maxText   = 255
	maxSchema = 63   // the longest name that PostgreSQL keeps
	maxURL    = 4096 // the column is unbounded; a longer URL is a mistake
)

// Validate reports the first thing that keeps the tenant from being created:
// [tenancy.ErrInvalidID], [tenancy.ErrInvalidIdentifier], or
// [tenancy.ErrInvalidTenant] for all else, naming the field and never
// repeating what is in it. Whether the identifier is free only Create can tell.
func (n NewTenant) Validate() error {
	return cmp.Or(
		n.validateID(),
		tenancy.ValidateIdentifier(n.Identifier),
		validateName(n.Name),
		n.validateStatus(),
		n.Isolation.Validate(),
		n.validatePlacement(),
		validatePlan(n.Plan),
		validateMetadata(n.Metadata),
	)
}

// validateUpdate reports the first thing that keeps Update from writing t.
func validateUpdate(t tenancy.Tenant) error {
	return cmp.Or(
		t.Validate(),
		NewTenant{
			ID: t.ID, Identifier: t.Identifier, Name: t.Name, Status: t.Status, Isolation: t.Isolation,
			Placement: t.Placement, Plan: t.Plan, Metadata: t.Metadata(),
		}.Validate(),
	)
}

func (n NewTenant) validateID() error {
	if n.ID == "" {
		return nil
	}
	return n.ID.Validate()
}

func (n NewTenant) validateStatus() error {
	if n.Status == "" {
		return nil
	}
	return n.Status.Validate()
}

// validatePlacement refuses a place that the isolation would never look at,
// and two places at once.
func (n NewTenant) validatePlacement() error {
	schema, database := n.Placement.Schema != "", !n.Placement.DatabaseURL.IsZero()
	switch {
	case schema && database:
		return invalid("Placement", "it has both a schema and a database URL")
	case schema && n.Isolation != "" && n.Isolation != tenancy.IsolationSchema:
		return invalid("Placement", "it has a schema, which its isolation does not use")
	case database && n.Isolation != "" && n.Isolation != tenancy.IsolationDatabase:
		return invalid("Placement", "it has a database URL, which its isolation does not use")
	}
	return cmp.Or(
		validateText("Placement.Schema", n.Placement.Schema, maxSchema),
		validateText("Placement.DatabaseURL", n.Placement.DatabaseURL.Reveal(), maxURLLength(n.Placement.DatabaseURL.Reveal())),
	)
}

func validateName(name string) error {
	if strings.TrimSpace(name) == "" {
		return invalid("Name", "it is empty")
	}
	return validateText("Name", name, maxText)
}

// validatePlan refuses a space at either end too: to MySQL and MariaDB "gold "
// is the same as "gold".
func validatePlan(plan string) error {
	if strings.Trim(plan, " ") != plan {
		return invalid("Plan", "it begins or ends with a space")
	}
	return validateText("Plan", plan, maxText)
}

// validateText refuses what a database would refuse, cut or show as something
// else: each of them differently, and some only once the row is written.
func validateText(field, text string, limit int) error {
	switch {
	case !utf8.ValidString(text):
		return invalid(field, "it is not valid UTF-8")
	case utf8.RuneCountInString(text) > limit:
		return invalid(field, fmt.Sprintf("it is longer than %d characters", limit))
	case strings.ContainsFunc(text, unicode.IsControl):
		return invalid(field, "it has a control character")
	}
	return nil
}

func invalid(field, why string) error {
	return fmt.Errorf("%w: %s: %s", tenancy.ErrInvalidTenant, field, why)
}
