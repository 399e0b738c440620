package tenancy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// SecretPrefix marks a metadata key whose value is a secret, at any depth: it is
// shown as "[redacted]" wherever the tenant is printed, logged or marshalled.
const SecretPrefix = "_enc_"

// Tenant is one customer of the application: who it is, what state it is in
// and where its rows live. It is a value: copies are cheap, and nothing that a
// caller does to one is seen by the holder of another.
//
// Printed, logged with slog or marshalled to JSON, a Tenant shows neither its
// database URL nor the metadata under [SecretPrefix].
type Tenant struct {
	// ID is the tenant's identity, the value in the tenant column of its rows.
	ID ID `json:"id"`
	// Identifier is the name that URLs and headers carry, such as "acme". It
	// is unique and can be changed.
	Identifier string `json:"identifier"`
	// Name is for people.
	Name string `json:"name"`
	// Status says whether the tenant is served. An empty Status is that of a
	// tenant made by hand rather than read from a registry.
	Status Status `json:"status"`
	// Isolation says what keeps its rows apart. Empty means the application's default.
	Isolation Isolation `json:"isolation,omitempty"`
	// Placement says where its rows live.
	Placement Placement `json:"placement,omitzero"`
	// Plan is the application's own word for what the tenant has bought.
	Plan string `json:"plan,omitempty"`
	// Version counts the changes of the registry's row.
	Version int64 `json:"version,omitempty"`
	// CreatedAt and UpdatedAt are set by the registry.
	CreatedAt time.Time `json:"created_at,omitzero"`
	UpdatedAt time.Time `json:"updated_at,omitzero"`
	// DeletedAt is when the tenant was soft-deleted, zero if it was not.
	DeletedAt time.Time `json:"deleted_at,omitzero"`

	// metadata is behind a function for the reason that Secret gives. What it
	// returns is never changed.
	metadata func() map[string]any
}

// WithMetadata returns a copy of the tenant that carries a deep copy of values,
// which must be JSON values: nil, bool, numbers, strings, []any, map[string]any.
func (t Tenant) WithMetadata(values map[string]any) Tenant {
	t.metadata = nil
	if len(values) > 0 {
		kept := cloneMap(values)
		t.metadata = func() map[string]any { return kept }
	}
	return t
}

// Metadata returns a deep copy of what the application keeps with the tenant.
// It is never nil.
func (t Tenant) Metadata() map[string]any {
	if t.metadata == nil {
		return map[string]any{}
	}
	return cloneMap(t.metadata())
}

// MetadataValue returns a deep copy of one metadata value, and whether it is there.
func (t Tenant) MetadataValue(key string) (any, bool) {
	if t.metadata == nil {
		return nil, false
	}
	v, ok := t.metadata()[key]
	return cloneValue(v), ok
}

// Validate reports the first thing about the tenant's record that is not as
// documented: [ErrInvalidID], [ErrInvalidIdentifier] or [ErrInvalidTenant].
func (t Tenant) Validate() error {
	if err := t.ID.Validate(); err != nil {
		return err
	}
	if err := ValidateIdentifier(t.Identifier); err != nil {
		return err
	}
	if strings.TrimSpace(t.Name) == "" {
		return fmt.Errorf("%w: it has no name", ErrInvalidTenant)
	}
	if err := t.Status.Validate(); err != nil {
		return err
	}
	return t.Isolation.Validate()
}

// Active returns nil for a tenant that may be served, and otherwise an
// [ErrInactive] that says its status.
func (t Tenant) Active() error {
	if t.Status == StatusActive {
		return nil
	}
	return fmt.Errorf("%w: its status is %q", ErrInactive, t.Status)
}

// Equal reports whether both records say the same in every field, the secret
// ones and the metadata too. To ask whether it is the same tenant, compare IDs.
func (t Tenant) Equal(other Tenant) bool {
	return t.ID == other.ID && t.Identifier == other.Identifier && t.Name == other.Name &&
		t.Status == other.Status && t.Isolation == other.Isolation && t.Plan == other.Plan && t.Version == other.Version &&
		t.Placement.Schema == other.Placement.Schema && t.Placement.DatabaseURL.Equal(other.Placement.DatabaseURL) &&
		t.CreatedAt.Equal(other.CreatedAt) && t.UpdatedAt.Equal(other.UpdatedAt) && t.DeletedAt.Equal(other.DeletedAt) &&
		reflect.DeepEqual(t.Metadata(), other.Metadata())
}

// String names the tenant by id and identifier.
func (t Tenant) String() string {
	if t.Identifier == "" {
		return fmt.Sprintf("tenant(%s)", t.ID)
	}
	return fmt.Sprintf("tenant(%s %s)", t.ID, t.Identifier)
}

// Format implements [fmt.Formatter]: every verb prints what String returns.
func (t Tenant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue implements [slog.LogValuer]: id, identifier, status, isolation and plan.
func (t Tenant) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("id", string(t.ID)),
		slog.String("identifier", t.Identifier),
		slog.String("status", string(t.Status)),
		slog.String("isolation", string(t.Isolation)),
		slog.String("plan", t.Plan),
	)
}

// MarshalJSON implements [json.Marshaler] for showing a tenant. Secrets come
// out as "[redacted]", so the result cannot be read back.
func (t Tenant) MarshalJSON() ([]byte, error) {
	type fields Tenant // without methods, so that this one is not called again
	shown, err := withoutSecrets(t.Metadata())
	if err != nil {
		return nil, err
	}
	return json.Marshal(struct {
		fields
		Metadata map[string]any `json:"metadata,omitempty"`
	}{fields(t), shown})
}

// withoutSecrets returns values as they are shown. They go to JSON and back first, so
// that nothing that a type of the application's would encode gets past the look at
// its keys.
func withoutSecrets(values map[string]any) (map[string]any, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	var plain map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber() // large numbers stay what they are
	if err := decoder.Decode(&plain); err != nil {
		return nil, err
	}
	redactSecrets(plain)
	return plain, nil
}

// redactSecrets changes the values of secret keys, at any depth.
func redactSecrets(v any) {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if strings.HasPrefix(key, SecretPrefix) {
				v[key] = redacted
				continue
			}
			redactSecrets(v[key])
		}
	case []any:
		for i := range v {
			redactSecrets(v[i])
		}
	}
}

func cloneMap(m map[string]any) map[string]any {
	c := make(map[string]any, len(m))
	for k, v := range m {
		c[k] = cloneValue(v)
	}
	return c
}

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneMap(v)
	case []any:
		c := make([]any, len(v))
		for i := range v {
			c[i] = cloneValue(v[i])
		}
		return c
	default:
		return v
	}
}
