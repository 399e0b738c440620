package registry_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// An identifier that is accepted can be a DNS label, and finds its tenant and
// no other's.
func FuzzIdentifier(f *testing.F) {
	for _, seed := range []string{"acme", "acme-1", "Acme", "acme\n", "acme-", "-acme", "1acme", "аcme", "ac", "a\x00b", "", strings.Repeat("a", 64)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, identifier string) {
		store := registry.NewMemoryStore(registry.MemoryConfig{})
		created, err := store.Create(t.Context(), registry.NewTenant{Identifier: identifier, Name: "Tenant"})
		if err != nil {
			if !errors.Is(err, tenancy.ErrInvalidIdentifier) || len(identifier) > 8 && strings.Contains(err.Error(), identifier) {
				t.Fatalf("%q: %v", identifier, err)
			}
			return
		}
		if len(identifier) < 3 || len(identifier) > 63 || strings.Trim(identifier, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasSuffix(identifier, "-") {
			t.Fatalf("%q was accepted", identifier)
		}
		got, err := store.ByIdentifier(t.Context(), identifier)
		if err != nil || !got.Equal(created) {
			t.Fatalf("%q: got %v and %v", identifier, got, err)
		}
		for _, other := range []string{strings.ToUpper(identifier), identifier + " ", identifier + "\n", " " + identifier, identifier[1:]} {
			if got, err := store.ByIdentifier(t.Context(), other); !errors.Is(err, tenancy.ErrNotFound) {
				t.Fatalf("%q found %v, whose identifier is %q (%v)", other, got, identifier, err)
			}
		}
	})
}

// A search finds the tenants whose name has the text, in whatever case, and no
// character of the text means anything else.
func FuzzSearch(f *testing.F) {
	for _, seed := range [][2]string{
		{"Acme Inc.", "acme"},
		{"100%", "%"},
		{"a_b", "_"},
		{`C:\`, `\`},
		{"ΟΔΥΣΣΕΎΣ", "ς"},
		{"Straße", "STRASSE"},
		{"İstanbul", "i"},
		{"K", "k"},
		{"a\x00", "\x00"},
		{"a", "\xff"},
		{"ǅ", "ǆ"},
		{"ﬁ", "FI"},
		{"ı", "I"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		if got := registry.Fold(registry.Fold(text)); utf8.ValidString(text) && got != registry.Fold(text) {
			t.Fatalf("folding %q twice gives %q", text, got)
		}
		store := registry.NewMemoryStore(registry.MemoryConfig{})
		if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "xyz", Name: name}); err != nil {
			return
		}
		page, err := store.Search(t.Context(), text, 0)
		if err != nil {
			if !errors.Is(err, tenancy.ErrInvalidQuery) || registry.ValidateSearch(text) == nil {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		has := strings.Contains(registry.Fold(name), registry.Fold(text)) || strings.Contains("xyz", registry.Fold(text))
		if has != (len(page.Tenants) == 1) {
			t.Fatalf("searching for %q in %q: found %d", text, name, len(page.Tenants))
		}
		for _, same := range []string{strings.ToUpper(text), strings.ToLower(text)} {
			if registry.Fold(same) != registry.Fold(text) {
				t.Fatalf("%q folds to %q, and %q to %q", same, registry.Fold(same), text, registry.Fold(text))
			}
		}
	})
}

// A cursor that is accepted means one position and is the only way to say it;
// anything else is refused.
func FuzzCursor(f *testing.F) {
	now := tenancy.Tenant{ID: "id:1", CreatedAt: time.UnixMicro(1_700_000_000_123_456).UTC()}
	for _, order := range []registry.Order{registry.OrderID, registry.OrderNewest, "other"} {
		f.Add(string(order), string(registry.Query{Order: order}.CursorAfter(now)))
		f.Add(string(order), "")
		f.Add(string(order), "%")
	}
	for _, text := range []string{"newest:+5:id", "newest:007:id", "newest:7:id", "newest:7", "newest::id", ": id", "newest:-1:id", "newest:99999999999999999999:id"} {
		f.Add("newest", base64.RawURLEncoding.EncodeToString([]byte(text)))
	}
	f.Fuzz(func(t *testing.T, order, cursor string) {
		q := registry.Query{Order: registry.Order(order), After: registry.Cursor(cursor)}
		at, ok, err := q.Position()
		if err != nil {
			if !errors.Is(err, tenancy.ErrInvalidQuery) || ok {
				t.Fatalf("%q: %v %v", cursor, ok, err)
			}
			return
		}
		if ok != (cursor != "") {
			t.Fatalf("%q: a position: %v", cursor, ok)
		}
		if ok && (at.ID.Validate() != nil || at.CreatedAt.Location() != time.UTC && !at.CreatedAt.IsZero()) {
			t.Fatalf("%q: means %+v", cursor, at)
		}
		if again := q.CursorAfter(tenancy.Tenant{ID: at.ID, CreatedAt: at.CreatedAt}); ok && again != q.After {
			t.Fatalf("%q and %q mean the same", cursor, again)
		}
	})
}
