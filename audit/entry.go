package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
)

// Entry says that somebody did something. It is a value: what a caller does to
// one is not seen by whoever got a copy of it.
type Entry struct {
	// ID is the entry's own, by which a sink knows one that it has already. It
	// sorts by time. Set by the Log.
	ID string
	// Time is when it was recorded, in UTC. Set by the Log if it is zero.
	Time time.Time
	// TenantID is whose tenant's resource it was. Set by the Log to the context's
	// tenant; empty for what concerns none.
	TenantID tenancy.ID
	// Actor is who did it. Set by the Log, if it is zero, to the context's.
	Actor Actor
	// Action is what was done, such as "invoice.delete".
	Action string
	// Resource is the kind of thing that it was done to, such as "invoice".
	Resource string
	// ResourceID says which one. It may be empty.
	ResourceID string
	// Reason is why. Set by the Log, if it is empty, to that of the System scope.
	Reason string

	metadata string // JSON, without secrets; empty for none
	invalid  error  // of the metadata
}

// The most characters that an entry has in its texts. More is cut off, and ends
// in "…".
const (
	maxName = 255  // Principal, Action, Resource, ResourceID
	maxAddr = 64   // ClientAddr
	maxText = 1024 // UserAgent, Reason
)

// maxMetadata is the most bytes of metadata, as JSON.
const maxMetadata = 64 << 10

// WithMetadata returns a copy of the entry that has what else there is to say,
// which must be what [encoding/json] can encode. Secrets are in it as
// "[redacted]". What cannot be encoded, or is longer than 64 KiB, is an error
// when the entry is recorded.
func (e Entry) WithMetadata(values map[string]any) Entry {
	e.metadata, e.invalid = "", nil
	if len(values) == 0 {
		return e
	}
	text, err := encode(values)
	switch {
	case err != nil:
		e.invalid = errors.New("its metadata is not what JSON can encode")
	case len(text) > maxMetadata:
		e.invalid = fmt.Errorf("its metadata is longer than %d bytes", maxMetadata)
	default:
		e.metadata = text
	}
	return e
}

// encode goes to JSON and back first, so that nothing that a type of the
// application's would encode gets past the look at its keys.
func encode(values map[string]any) (string, error) {
	text, err := json.Marshal(values)
	if err != nil {
		return "", err
	}
	plain := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.UseNumber() // large numbers stay what they are
	if err := decoder.Decode(&plain); err != nil {
		return "", err
	}
	text, err = json.Marshal(redact(plain))
	return string(text), err
}

// redact changes v.
func redact(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			if strings.HasPrefix(key, tenancy.SecretPrefix) {
				v[key] = "[redacted]"
				continue
			}
			v[key] = redact(v[key])
		}
	case []any:
		for i := range v {
			v[i] = redact(v[i])
		}
	}
	return v
}

// Metadata returns what else there is to say, decoded from JSON. It is never nil.
func (e Entry) Metadata() map[string]any {
	values := map[string]any{}
	_ = json.Unmarshal([]byte(e.MetadataJSON()), &values) // what encode has made
	return values
}

// MetadataJSON returns the metadata as JSON, "{}" for none.
func (e Entry) MetadataJSON() string {
	if e.metadata == "" {
		return "{}"
	}
	return e.metadata
}

// Validate reports whether the entry can be recorded: an Action and a Resource
// that are not empty, a TenantID that is one or empty, metadata that could be
// encoded. The error is [tenancy.ErrInvalidEntry].
func (e Entry) Validate() error {
	switch {
	case strings.TrimSpace(e.Action) == "":
		return fmt.Errorf("%w: Action is empty; say what was done", tenancy.ErrInvalidEntry)
	case strings.TrimSpace(e.Resource) == "":
		return fmt.Errorf("%w: Resource is empty; say what it was done to", tenancy.ErrInvalidEntry)
	case e.invalid != nil:
		return fmt.Errorf("%w: %w", tenancy.ErrInvalidEntry, e.invalid)
	}
	if e.TenantID == "" {
		return nil
	}
	if err := e.TenantID.Validate(); err != nil {
		return fmt.Errorf("%w: TenantID: %w", tenancy.ErrInvalidEntry, err)
	}
	return nil
}

// LogValue implements [slog.LogValuer]. Fields that are empty are left out.
func (e Entry) LogValue() slog.Value { return slog.GroupValue(e.attrs()...) }

func (e Entry) attrs() []slog.Attr {
	attrs := make([]slog.Attr, 0, 10)
	for _, field := range [...]struct{ key, value string }{
		{"entry", e.ID},
		{"tenant", string(e.TenantID)},
		{"principal", e.Actor.Principal},
		{"action", e.Action},
		{"resource", e.Resource},
		{"resource_id", e.ResourceID},
		{"client_addr", e.Actor.ClientAddr},
		{"user_agent", e.Actor.UserAgent},
		{"reason", e.Reason},
		{"metadata", e.metadata},
	} {
		if field.value != "" {
			attrs = append(attrs, slog.String(field.key, field.value))
		}
	}
	return append(attrs, slog.Time("at", e.Time))
}

// clean makes the entry one that every sink can keep. A text is mended and not
// refused, since most come from clients, and who sends what no database can
// keep must not go unrecorded.
func (e Entry) clean() Entry {
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.Actor.Principal = cut(e.Actor.Principal, maxName)
	e.Actor.ClientAddr = cut(e.Actor.ClientAddr, maxAddr)
	e.Actor.UserAgent = cut(e.Actor.UserAgent, maxText)
	e.Action = cut(e.Action, maxName)
	e.Resource = cut(e.Resource, maxName)
	e.ResourceID = cut(e.ResourceID, maxName)
	e.Reason = cut(e.Reason, maxText)
	return e
}

// cut returns up to n characters of s. What is no character, or controls a
// terminal or a log, becomes U+FFFD.
func cut(s string, n int) string {
	if len(s) > n*utf8.UTFMax {
		s = s[:n*utf8.UTFMax]
	}
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
