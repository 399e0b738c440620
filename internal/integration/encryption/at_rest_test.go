package encryption_test

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// Each way to write a secret: none leaves it in the row, all return it.
func TestEveryWritePath(t *testing.T) {
	t.Parallel()
	type change func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error)
	paths := map[string]struct {
		begin registry.NewTenant
		write change
		url   string
		want  map[string]any
	}{
		"Create": {
			begin: newTenant("acme"), url: secretURL, want: withSecrets(),
			write: func(_ context.Context, _ registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) { return t, nil },
		},
		"Create of a given id": {
			begin: func() registry.NewTenant { n := newTenant("acme"); n.ID = "größe/1"; return n }(), url: secretURL, want: withSecrets(),
			write: func(_ context.Context, _ registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) { return t, nil },
		},
		"Update of the URL": {
			begin: registry.NewTenant{Identifier: "acme", Name: "Acme"}, url: secretURL, want: map[string]any{},
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				t.Isolation, t.Placement.DatabaseURL = tenancy.IsolationDatabase, tenancy.NewSecret(secretURL)
				return s.Update(ctx, t)
			},
		},
		"Update of the metadata": {
			begin: registry.NewTenant{Identifier: "acme", Name: "Acme"}, want: withSecrets(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				return s.Update(ctx, t.WithMetadata(withSecrets()))
			},
		},
		"Update of something else": {
			begin: newTenant("acme"), url: secretURL, want: withSecrets(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				t.Name = "Renamed"
				return s.Update(ctx, t)
			},
		},
		"Update that takes them out": {
			begin: newTenant("acme"), want: map[string]any{},
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				t.Placement.DatabaseURL = tenancy.Secret{}
				return s.Update(ctx, t.WithMetadata(nil))
			},
		},
		"MergeMetadata": {
			begin: registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"kept": "visible"}},
			want:  func() map[string]any { m := withSecrets(); m["kept"] = "visible"; return m }(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				return s.MergeMetadata(ctx, t.ID, withSecrets())
			},
		},
		"MergeMetadata of a secret object, which is replaced and not mixed": {
			begin: newTenant("acme"), url: secretURL,
			want: func() map[string]any {
				m := withSecrets()
				m["_enc_object"] = map[string]any{"pass": secret, "none": nil}
				m["nested"] = map[string]any{"_enc_inside": map[string]any{"pass": secret}}
				delete(m, "_enc_text")
				return m
			}(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				return s.MergeMetadata(ctx, t.ID, map[string]any{
					"_enc_object": map[string]any{"pass": secret, "none": nil}, "nested": map[string]any{"_enc_inside": map[string]any{"pass": secret}},
				}, "_enc_text")
			},
		},
		"SetStatus": {
			begin: newTenant("acme"), url: secretURL, want: withSecrets(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				return s.SetStatus(ctx, t.ID, tenancy.StatusSuspended)
			},
		},
		"SetStatuses": {
			begin: newTenant("acme"), url: secretURL, want: withSecrets(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				return only(s.SetStatuses(ctx, []tenancy.ID{t.ID}, tenancy.StatusSuspended))
			},
		},
		"Delete and Restore": {
			begin: newTenant("acme"), url: secretURL, want: withSecrets(),
			write: func(ctx context.Context, s registry.Store, t tenancy.Tenant) (tenancy.Tenant, error) {
				if _, err := registry.Delete(ctx, s, t.ID); err != nil {
					return tenancy.Tenant{}, err
				}
				return registry.Restore(ctx, s, t.ID)
			},
		},
	}
	for name, path := range paths {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachStore(t, func(t *testing.T, w world) {
				store := w.encrypted(t, cipher(t, newPassphrase))
				begin := maps.Clone(path.begin.Metadata)
				created := create(t, store, path.begin)
				if text(t, begin) != text(t, path.begin.Metadata) {
					t.Error("Create changed its argument")
				}
				got, err := path.write(t.Context(), store, created)
				checkSecrets(t, "returned", got, err, path.url, path.want)
				checkAllReads(t, store, created, path.url, path.want)
				w.checkAtRest(t, created.ID)
			})
		})
	}
}

// checkAllReads reads a tenant in each way that a Store has.
func checkAllReads(t *testing.T, store registry.Store, created tenancy.Tenant, url string, want map[string]any) {
	t.Helper()
	ctx := t.Context()
	got, err := store.ByID(ctx, created.ID)
	checkSecrets(t, "ByID", got, err, url, want)
	got, err = store.ByIdentifier(ctx, created.Identifier)
	checkSecrets(t, "ByIdentifier", got, err, url, want)
	got, err = only(store.ByIDs(ctx, []tenancy.ID{created.ID}))
	checkSecrets(t, "ByIDs", got, err, url, want)
	got, err = only(store.List(ctx, registry.Query{}))
	checkSecrets(t, "List", got, err, url, want)
	got, err = only(store.Search(ctx, created.Identifier, 0))
	checkSecrets(t, "Search", got, err, url, want)
	for got, err := range registry.All(ctx, store, registry.Query{}) {
		checkSecrets(t, "All", got, err, url, want)
	}
}

// only returns the one tenant of a page, and the zero Tenant if it is not one.
func only(page registry.Page, err error) (tenancy.Tenant, error) {
	if len(page.Tenants) != 1 || len(page.Invalid) != 0 {
		return tenancy.Tenant{}, err
	}
	return page.Tenants[0], err
}

// checkAtRest looks for secrets in a tenant's row.
func (w world) checkAtRest(t *testing.T, id tenancy.ID) {
	t.Helper()
	row := w.atRest(t, id)
	for _, plain := range []string{secret, strconv.Itoa(secretNumber), "4.8151", "postgres:"} {
		if strings.Contains(row, plain) {
			t.Errorf("the row holds %q:\n%s", plain, row)
		}
	}
}

// What a process without the key sees: texts, and what is no secret.
func TestWithoutTheKey(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		created := create(t, w.encrypted(t, cipher(t, newPassphrase)), newTenant("acme"))
		got, err := w.ByID(t.Context(), created.ID)
		if err != nil {
			t.Fatal(err)
		}
		if url := got.Placement.DatabaseURL.Reveal(); !strings.HasPrefix(url, "tenancy:enc:v1:") {
			t.Errorf("database URL %q, want a ciphertext", url)
		}
		checkCiphertext(t, "metadata", got.Metadata())
		checkPlain(t, got.Metadata())

		// It can go on with what concerns no secret, and leaves them whole.
		got.Name = "Renamed"
		if _, err := w.Update(t.Context(), got); err != nil {
			t.Fatal(err)
		}
		got, err = w.encrypted(t, cipher(t, newPassphrase)).ByID(t.Context(), created.ID)
		checkSecrets(t, "after an update without the key", got, err, secretURL, withSecrets())
	})
}

// checkCiphertext checks that each secret at any depth is one ciphertext.
func checkCiphertext(t *testing.T, path string, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for key, v := range value {
			if !strings.HasPrefix(key, tenancy.SecretPrefix) {
				checkCiphertext(t, path+"/"+key, v)
				continue
			}
			if text, ok := v.(string); !ok || !strings.HasPrefix(text, "tenancy:enc:v1:") || strings.Contains(text, secret) {
				t.Errorf("%s/%s is %v, want a ciphertext", path, key, v)
			}
		}
	case []any:
		for i, v := range value {
			checkCiphertext(t, path+"/"+strconv.Itoa(i), v)
		}
	}
}

func checkPlain(t *testing.T, metadata map[string]any) {
	t.Helper()
	nested, _ := metadata["nested"].(map[string]any)
	for key, value := range map[string]any{
		"plain": metadata["plain"], "enc_not_secret": metadata["enc_not_secret"], "tenancy:enc:v1:": metadata["tenancy:enc:v1:"],
	} {
		if value != "visible" {
			t.Errorf("%s is %v, want it as it was", key, value)
		}
	}
	if nested["region"] != "eu" {
		t.Errorf("nested is %v, want its region as it was", nested)
	}
}

// A struct's fields are keys too, and a large number keeps its digits.
func TestValuesThatAreNotPlainJSON(t *testing.T) {
	t.Parallel()
	type card struct {
		Number string `json:"_enc_number"`
		Brand  string `json:"brand"`
	}
	onEachDatabase(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		metadata := map[string]any{"card": card{secret, "visible"}, "cards": []card{{secret, "visible"}}, "big": int64(1 << 53)}
		created := create(t, store, registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: metadata})
		want := map[string]any{"_enc_number": secret, "brand": "visible"}
		got, err := store.ByID(t.Context(), created.ID)
		checkSecrets(t, "Create", got, err, "", map[string]any{"card": want, "cards": []any{want}, "big": float64(1 << 53)})
		w.checkAtRest(t, created.ID)
		if row := w.atRest(t, created.ID); !strings.Contains(row, "9007199254740992") {
			t.Errorf("the number lost a digit on its way to\n%s", row)
		}
		if _, err := store.MergeMetadata(t.Context(), created.ID, map[string]any{"other": card{secret, "visible"}}); err != nil {
			t.Error(err)
		}
		w.checkAtRest(t, created.ID)
	})
}

func TestLongestURLIsKept(t *testing.T) {
	t.Parallel()
	longest := "postgres://" + strings.Repeat("🏢", 4096-len("postgres://"))
	onEachStore(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		n := newTenant("acme")
		n.Placement.DatabaseURL = tenancy.NewSecret(longest)
		created := create(t, store, n)
		got, err := store.Update(t.Context(), created)
		checkSecrets(t, "longest", got, err, longest, withSecrets())
	})
}

func TestSearchDoesNotLookIntoSecrets(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		store := w.encrypted(t, cipher(t, newPassphrase))
		create(t, store, newTenant("acme"))
		for _, text := range []string{secret, "tenancy:enc", "_enc_", "postgres"} {
			page, err := store.Search(t.Context(), text, 0)
			if err != nil || len(page.Tenants)+len(page.Invalid) != 0 {
				t.Errorf("%q: found %v (%v), want nothing", text, page, err)
			}
		}
	})
}
