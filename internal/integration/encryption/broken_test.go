package encryption_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// checkBroken checks that a tenant is broken in one field, and says so without
// saying what is in it.
func checkBroken(t *testing.T, name string, err error, id tenancy.ID, field string) {
	t.Helper()
	var broken *registry.BrokenError
	if !errors.As(err, &broken) || !errors.Is(err, tenancy.ErrInvalidTenant) || broken.Tenant.ID != id {
		t.Errorf("%s: got %v, want a BrokenError of %q", name, err, id)
		return
	}
	if s := err.Error(); !strings.Contains(s, string(id)) || !strings.Contains(s, field) {
		t.Errorf("%s: %q does not name tenant and field", name, s)
	}
	for _, hidden := range []string{secret, "enc:v1:", oldPassphrase, newPassphrase} {
		if strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: %q holds %q", name, err, hidden)
		}
	}
}

func TestSwappedCiphertextsDoNotOpen(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		acme, globex := create(t, store, newTenant("acme")), create(t, store, newTenant("globex"))
		before := read(t, w.Store, acme.ID)

		w.set(t, globex.ID, "database_url", before.Placement.DatabaseURL.Reveal())
		_, err := store.ByID(t.Context(), globex.ID)
		checkBroken(t, "another tenant's URL", err, globex.ID, "database_url")
		_, err = store.ByIdentifier(t.Context(), "globex")
		checkBroken(t, "by identifier", err, globex.ID, "database_url")

		w.set(t, globex.ID, "database_url", nil)
		w.set(t, globex.ID, "metadata", text(t, map[string]any{"nested": before.Metadata()["nested"]}))
		_, err = store.ByID(t.Context(), globex.ID)
		checkBroken(t, "another tenant's metadata", err, globex.ID, `metadata["nested"]`)

		for from, to := range map[string]string{"_enc_text": "_enc_empty", "_enc_list": "_enc_yes"} {
			swapped := before.Metadata()
			swapped[to] = swapped[from]
			w.set(t, acme.ID, "metadata", text(t, swapped))
			_, err = store.ByID(t.Context(), acme.ID)
			checkBroken(t, "another field's value", err, acme.ID, `metadata["`+to+`"]`)
		}
		w.set(t, acme.ID, "metadata", text(t, map[string]any{"_enc_text": before.Placement.DatabaseURL.Reveal()}))
		_, err = store.ByID(t.Context(), acme.ID)
		checkBroken(t, "the URL as a value", err, acme.ID, `metadata["_enc_text"]`)
	})
}

// A place in nested metadata has one name, and no other place has it.
func TestCiphertextMovedWithinMetadata(t *testing.T) {
	t.Parallel()
	places := map[string]func(sealed any) map[string]any{
		"in an object":              func(s any) map[string]any { return map[string]any{"a": map[string]any{"b": leaf(s)}} },
		"keys that look like two":   func(s any) map[string]any { return map[string]any{`a"]["b`: leaf(s)} },
		"first in a list":           func(s any) map[string]any { return map[string]any{"a": []any{leaf(s)}} },
		"second in a list":          func(s any) map[string]any { return map[string]any{"a": []any{nil, leaf(s)}} },
		"a key that is a number":    func(s any) map[string]any { return map[string]any{"a": map[string]any{"0": leaf(s)}} },
		"in a list in a list":       func(s any) map[string]any { return map[string]any{"a": []any{[]any{leaf(s)}}} },
		"at the top":                func(s any) map[string]any { return leaf(s) },
		"a key in another case":     func(s any) map[string]any { return map[string]any{"A": map[string]any{"b": leaf(s)}} },
		"a key in another spelling": func(s any) map[string]any { return map[string]any{"a": map[string]any{"b\u0301": leaf(s)}} },
	}
	store := world{Store: registry.NewMemoryStore(registry.MemoryConfig{})}
	encrypted := store.encrypted(t, cipher(t, newPassphrase))
	for from, make := range places {
		created := create(t, encrypted, registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: make(secret)})
		sealed := sealedLeaf(read(t, store.Store, created.ID).Metadata())
		for to, make := range places {
			planted, err := store.Update(t.Context(), read(t, store.Store, created.ID).WithMetadata(make(sealed)))
			if err != nil {
				t.Fatal(err)
			}
			got, err := encrypted.ByID(t.Context(), planted.ID)
			if from == to {
				checkSecrets(t, from, got, err, "", make(secret))
			} else {
				checkBroken(t, from+" to "+to, err, planted.ID, "_enc_leaf")
			}
		}
		if err := encrypted.Erase(t.Context(), created.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func leaf(value any) map[string]any { return map[string]any{"_enc_leaf": value} }

// sealedLeaf returns the one secret in a value.
func sealedLeaf(value any) any {
	switch value := value.(type) {
	case map[string]any:
		if sealed, ok := value["_enc_leaf"]; ok {
			return sealed
		}
		for _, v := range value {
			return sealedLeaf(v)
		}
	case []any:
		return sealedLeaf(value[len(value)-1])
	}
	return nil
}

// read returns what a store without the key has.
func read(t *testing.T, store registry.Store, id tenancy.ID) tenancy.Tenant {
	t.Helper()
	got, err := store.ByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// One tenant under another key: its own error, and no one else's.
func TestWrongKey(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		other := create(t, w.encrypted(t, cipher(t, oldPassphrase)), registry.NewTenant{
			Identifier: "other", Name: "Acme", Metadata: map[string]any{"_enc_token": secret, "plain": "visible"},
		})
		var logged bytes.Buffer
		store := w.configured(t, cipher(t, newPassphrase), registry.EncryptedConfig{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		acme := create(t, store, newTenant("acme"))

		ctx, field := t.Context(), `metadata["_enc_token"]`
		for name, call := range map[string]func() error{
			"ByID":          func() error { _, err := store.ByID(ctx, other.ID); return err },
			"ByIdentifier":  func() error { _, err := store.ByIdentifier(ctx, "other"); return err },
			"SetStatus":     func() error { _, err := store.SetStatus(ctx, other.ID, tenancy.StatusActive); return err },
			"MergeMetadata": func() error { _, err := store.MergeMetadata(ctx, other.ID, map[string]any{"more": 1}); return err },
		} {
			err := call()
			checkBroken(t, name, err, other.ID, field)
			if !errors.Is(err, crypt.ErrDecrypt) {
				t.Errorf("%s: got %v, want ErrDecrypt in it", name, err)
			}
		}
		checkPages(t, store, acme.ID, other.ID)
		if !strings.Contains(logged.String(), string(other.ID)) || strings.Contains(logged.String(), secret) {
			t.Errorf("logged %q, want the tenant's id and no secret", logged.String())
		}

		// What is understood is there, and what is not cannot be mistaken for something.
		var broken *registry.BrokenError
		_, err := store.ByID(ctx, other.ID)
		if !errors.As(err, &broken) || text(t, broken.Tenant.Metadata()) != `{"more":1,"plain":"visible"}` {
			t.Fatalf("got %v, want the metadata without the secret", err)
		}
		repaired := broken.Tenant.WithMetadata(map[string]any{"_enc_token": secret})
		got, err := store.Update(ctx, repaired)
		checkSecrets(t, "repaired", got, err, "", map[string]any{"_enc_token": secret})
		w.checkAtRest(t, other.ID)
	})
}

// checkPages checks that one broken tenant does not hide the good one, and is named.
func checkPages(t *testing.T, store registry.Store, good, broken tenancy.ID) {
	t.Helper()
	ctx := t.Context()
	for name, read := range map[string]func() (registry.Page, error){
		"List":        func() (registry.Page, error) { return store.List(ctx, registry.Query{}) },
		"List newest": func() (registry.Page, error) { return store.List(ctx, registry.Query{Order: registry.OrderNewest}) },
		"ByIDs":       func() (registry.Page, error) { return store.ByIDs(ctx, []tenancy.ID{good, broken}) },
		"Search":      func() (registry.Page, error) { return store.Search(ctx, "Acme", 0) },
		"SetStatuses": func() (registry.Page, error) {
			return store.SetStatuses(ctx, []tenancy.ID{good, broken}, tenancy.StatusSuspended)
		},
	} {
		page, err := read()
		if err != nil || len(page.Tenants) != 1 || page.Tenants[0].ID != good || !slices.Equal(page.Invalid, []tenancy.ID{broken}) {
			t.Errorf("%s: got %v (%v), want %q, and %q as invalid", name, page, err, good, broken)
		}
	}
}

// An id that the store would not have written is one tenant's trouble too.
func TestRowWithAnIDThatCanBeNone(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase, oldPassphrase))
		good := create(t, store, newTenant("good"))
		created := create(t, w.encrypted(t, cipher(t, oldPassphrase)), newTenant("acme"))
		w.set(t, created.ID, "id", " ")
		page, err := store.List(t.Context(), registry.Query{})
		if err != nil || len(page.Tenants) != 1 || page.Tenants[0].ID != good.ID || !slices.Equal(page.Invalid, []tenancy.ID{" "}) {
			t.Errorf("got %v (%v), want %q, and the other as invalid", page, err, good.ID)
		}
		progress, err := store.Reencrypt(t.Context(), registry.ReencryptConfig{})
		if !errors.Is(err, tenancy.ErrInvalidTenant) || !slices.Equal(progress.Broken, []tenancy.ID{" "}) {
			t.Errorf("Reencrypt: %+v (%v), want the one as broken", progress, err)
		}
	})
}

// A tenant that is broken already comes with its secrets opened: what its
// caller repairs is written back, and must not be encrypted twice.
func TestRepairOfARecordThatIsBrokenOtherwise(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		created := create(t, store, newTenant("acme"))
		w.set(t, created.ID, "status", "unheard-of")
		_, err := store.ByID(t.Context(), created.ID)
		checkBroken(t, "unknown status", err, created.ID, "status")
		var broken *registry.BrokenError
		if !errors.As(err, &broken) {
			t.Fatal(err)
		}
		repaired := broken.Tenant
		repaired.Status = tenancy.StatusSuspended
		got, err := store.Update(t.Context(), repaired)
		checkSecrets(t, "repaired", got, err, secretURL, withSecrets())
		w.checkAtRest(t, created.ID)
	})
}

// Rows from before encryption.
func TestPlaintextRows(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, w world) {
		metadata := withSecrets()
		delete(metadata, "_enc_like_ciphertext") // in plaintext it is one that does not open
		n := newTenant("acme")
		n.Metadata = metadata
		legacy := create(t, w.Store, n)
		store := w.encrypted(t, cipher(t, newPassphrase))
		checkAllReads(t, store, legacy, secretURL, metadata)

		strict := w.configured(t, cipher(t, newPassphrase), registry.EncryptedConfig{RefusePlaintext: true})
		_, err := strict.ByID(t.Context(), legacy.ID)
		checkBroken(t, "strict, URL", err, legacy.ID, "database_url")

		// A merge encrypts what it writes, and nothing else: it reads nothing.
		got, err := store.MergeMetadata(t.Context(), legacy.ID, map[string]any{"_enc_text": secret})
		checkSecrets(t, "merged", got, err, secretURL, metadata)
		// An update writes the whole record.
		got, err = store.Update(t.Context(), got)
		checkSecrets(t, "updated", got, err, secretURL, metadata)
		w.checkAtRest(t, legacy.ID)
		checkAllReads(t, strict, legacy, secretURL, metadata)

		w.set(t, legacy.ID, "metadata", `{"nested":[{"_enc_planted":"`+secret+`"}]}`)
		_, err = strict.ByID(t.Context(), legacy.ID)
		checkBroken(t, "strict, planted", err, legacy.ID, `metadata["nested"][0]["_enc_planted"]`)
	})
}

// What a store would refuse, it does not get to see once it is encrypted.
func TestInvalidValuesAreRefused(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		acme := create(t, store, registry.NewTenant{Identifier: "acme", Name: "Acme"})
		for name, url := range map[string]string{
			"control character": "postgres://h/d\n", "not UTF-8": "postgres://\xff", "too long": strings.Repeat("x", 4097),
		} {
			n := newTenant("globex")
			n.Placement.DatabaseURL = tenancy.NewSecret(url)
			_, err := store.Create(t.Context(), n)
			checkInvalid(t, "Create, "+name, err)
			changed := acme
			changed.Placement.DatabaseURL = tenancy.NewSecret(url)
			_, err = store.Update(t.Context(), changed)
			checkInvalid(t, "Update, "+name, err)
		}
		for name, value := range map[string]any{"NUL": "a\x00", "no JSON": make(chan int)} {
			n := newTenant("globex")
			n.Metadata = map[string]any{"_enc_x": value}
			_, err := store.Create(t.Context(), n)
			checkInvalid(t, "Create, "+name, err)
			_, err = store.Update(t.Context(), acme.WithMetadata(n.Metadata))
			checkInvalid(t, "Update, "+name, err)
			_, err = store.MergeMetadata(t.Context(), acme.ID, n.Metadata)
			checkInvalid(t, "MergeMetadata, "+name, err)
		}
		if n, err := w.Count(t.Context(), registry.Query{}); err != nil || n != 1 {
			t.Errorf("%d tenants (%v), want 1", n, err)
		}
	})
}

func checkInvalid(t *testing.T, name string, err error) {
	t.Helper()
	if !errors.Is(err, tenancy.ErrInvalidTenant) {
		t.Errorf("%s: got %v, want ErrInvalidTenant", name, err)
	}
}

func TestContextThatIsOver(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		acme := create(t, store, newTenant("acme"))
		over, cancel := context.WithCancel(t.Context())
		cancel()
		_, create := store.Create(over, newTenant("globex"))
		_, byID := store.ByID(over, acme.ID)
		_, list := store.List(over, registry.Query{})
		_, update := store.Update(over, acme)
		_, merge := store.MergeMetadata(over, acme.ID, withSecrets())
		_, reencrypt := store.Reencrypt(over, registry.ReencryptConfig{})
		for name, err := range map[string]error{"Create": create, "ByID": byID, "List": list, "Update": update, "MergeMetadata": merge, "Reencrypt": reencrypt} {
			if !errors.Is(err, context.Canceled) || errors.Is(err, tenancy.ErrInvalidTenant) {
				t.Errorf("%s: got %v, want context.Canceled", name, err)
			}
		}
	})
}
