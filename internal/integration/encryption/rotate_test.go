package encryption_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// Each step of a rotation, with processes of the step before still running.
func TestRotationWithoutDowntime(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		oldKey, newKey := cipher(t, oldPassphrase), cipher(t, newPassphrase)
		steps := []*crypt.Cipher{oldKey, oldKey.Accepting(newKey), newKey.Accepting(oldKey)}
		for i, c := range steps {
			for j := max(0, i-1); j <= i; j++ {
				before, after := w.encrypted(t, steps[j]), w.encrypted(t, c)
				created := create(t, before, newTenant(fmt.Sprintf("t-%d-%d", i, j)))
				got, err := after.Update(t.Context(), created)
				checkSecrets(t, fmt.Sprintf("step %d reads step %d", i, j), got, err, secretURL, withSecrets())
				got, err = before.MergeMetadata(t.Context(), created.ID, map[string]any{"_enc_text": secret})
				checkSecrets(t, fmt.Sprintf("step %d reads step %d", j, i), got, err, secretURL, withSecrets())
			}
		}
		progress, err := w.encrypted(t, steps[2]).Reencrypt(t.Context(), registry.ReencryptConfig{})
		if err != nil || progress.Changed == 0 {
			t.Fatalf("%+v (%v), want changes", progress, err)
		}
		for got, err := range registry.All(t.Context(), w.encrypted(t, newKey), registry.Query{}) {
			checkSecrets(t, "with the new key alone", got, err, secretURL, withSecrets())
		}
	})
}

// fill makes tenants of each age, and returns how many have to change.
func fill(t *testing.T, w world, each int) (all []tenancy.Tenant, toChange int) {
	t.Helper()
	for i := range each {
		for name, store := range map[string]registry.Store{
			"plain": w.Store, "old": w.encrypted(t, cipher(t, oldPassphrase)), "new": w.encrypted(t, cipher(t, newPassphrase)),
		} {
			n := newTenant(fmt.Sprintf("%s-%d", name, i))
			delete(n.Metadata, "_enc_like_ciphertext") // which cannot be told from a ciphertext in plaintext
			all = append(all, create(t, store, n))
		}
		all = append(all, create(t, w.Store, registry.NewTenant{Identifier: fmt.Sprintf("none-%d", i), Name: "No secrets"}))
	}
	return all, 2 * each
}

func TestReencrypt(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		all, toChange := fill(t, w, 3)
		rotating := w.configured(t, cipher(t, newPassphrase, oldPassphrase), registry.EncryptedConfig{RefusePlaintext: true})
		var reports []registry.ReencryptProgress
		got, err := rotating.Reencrypt(t.Context(), registry.ReencryptConfig{
			PageSize: 5, Progress: func(p registry.ReencryptProgress) { reports = append(reports, p) },
		})
		if err != nil || got.Total != len(all) || got.Seen != len(all) || got.Changed != toChange || got.Next != "" || len(got.Broken) != 0 {
			t.Errorf("%+v (%v), want %d seen and %d changed", got, err, len(all), toChange)
		}
		if len(reports) != 3 || reports[0].Seen != 5 || reports[0].Next == "" || reports[2].Seen != len(all) || reports[2].Next != "" {
			t.Errorf("reports %+v, want one for each page of 5 of %d", reports, len(all))
		}
		strict := w.configured(t, cipher(t, newPassphrase), registry.EncryptedConfig{RefusePlaintext: true})
		for _, want := range all {
			before := read(t, w.Store, want.ID)
			got, err := strict.ByID(t.Context(), want.ID)
			checkSecrets(t, want.Identifier, got, err, want.Placement.DatabaseURL.Reveal(), want.Metadata())
			w.checkAtRest(t, want.ID)
			if unchanged := before.Version == want.Version; unchanged != (want.Identifier[:3] == "new" || want.Identifier[:3] == "non") {
				t.Errorf("%s: version %d, was %d", want, before.Version, want.Version)
			}
		}
		again, err := rotating.Reencrypt(t.Context(), registry.ReencryptConfig{})
		if err != nil || again.Seen != len(all) || again.Changed != 0 {
			t.Errorf("again: %+v (%v), want nothing changed", again, err)
		}
	})
}

func TestReencryptGoesOnWhereItEnded(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		all, toChange := fill(t, w, 3)
		rotating := w.encrypted(t, cipher(t, newPassphrase, oldPassphrase))
		ctx, cancel := context.WithCancel(t.Context())
		first, err := rotating.Reencrypt(ctx, registry.ReencryptConfig{PageSize: 5, Progress: func(registry.ReencryptProgress) { cancel() }})
		if !errors.Is(err, context.Canceled) || first.Seen != 5 || first.Next == "" {
			t.Fatalf("%+v (%v), want to end after the first page", first, err)
		}
		rest, err := rotating.Reencrypt(t.Context(), registry.ReencryptConfig{After: first.Next})
		if err != nil || rest.Seen != len(all)-5 || first.Changed+rest.Changed != toChange || rest.Next != "" {
			t.Errorf("%+v (%v), want the other %d, and %d changed in both", rest, err, len(all)-5, toChange)
		}
	})
}

// A tenant that cannot be read stops nothing, and is named.
func TestReencryptWithBrokenTenants(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, w world) {
		all, toChange := fill(t, w, 1)
		lost := create(t, w.encrypted(t, cipher(t, "a passphrase that nobody remembers")), newTenant("lost"))
		damaged := create(t, w.Store, newTenant("damaged"))
		w.set(t, damaged.ID, "status", "unheard-of")
		want := []tenancy.ID{lost.ID, damaged.ID}
		slices.Sort(want)
		for range 2 {
			got, err := w.encrypted(t, cipher(t, newPassphrase, oldPassphrase)).Reencrypt(t.Context(), registry.ReencryptConfig{})
			slices.Sort(got.Broken)
			if !errors.Is(err, tenancy.ErrInvalidTenant) || !slices.Equal(got.Broken, want) || got.Seen != len(all)+2 || got.Changed != toChange {
				t.Errorf("%+v (%v), want %d changed and %v broken", got, err, toChange, want)
			}
			toChange = 0
		}
	})
}

// Reencrypt runs again and again from key to key while others merge, update
// and erase. Nothing that they wrote is lost.
func TestReencryptUnderConcurrentChanges(t *testing.T) {
	t.Parallel()
	const writers, changes = 4, 10
	onEachStore(t, func(t *testing.T, w world) {
		a, b := cipher(t, oldPassphrase, newPassphrase), cipher(t, newPassphrase, oldPassphrase)
		store := w.encrypted(t, a)
		acme := create(t, store, newTenant("acme"))
		erased := create(t, store, newTenant("erased"))
		ctx, done := context.WithCancel(t.Context())
		defer done()
		var rotations, writing sync.WaitGroup
		turning := make(chan struct{})
		begun := sync.OnceFunc(func() { close(turning) })
		rotations.Go(func() {
			defer begun()
			for keys := []*crypt.Cipher{b, a}; ctx.Err() == nil; keys[0], keys[1] = keys[1], keys[0] {
				progress, err := w.encrypted(t, keys[0]).Reencrypt(ctx, registry.ReencryptConfig{})
				if err != nil && ctx.Err() == nil {
					t.Errorf("Reencrypt: %v", err)
					return
				}
				if progress.Changed > 0 {
					begun()
				}
			}
		})
		<-turning
		for i := range writers {
			writing.Go(func() { write(t, store, acme.ID, fmt.Sprintf("_enc_%d", i), changes) })
		}
		writing.Go(func() {
			if err := store.Erase(t.Context(), erased.ID); err != nil {
				t.Error(err)
			}
		})
		writing.Wait()
		done()
		rotations.Wait()

		want := withSecrets()
		for i := range writers {
			for j := range changes {
				want[fmt.Sprintf("_enc_%d_%d", i, j)] = secret
			}
		}
		got, err := store.ByID(t.Context(), acme.ID)
		checkSecrets(t, "after all", got, err, secretURL, want)
		w.checkAtRest(t, acme.ID)
	})
}

// write puts secrets in, every other one by an Update that is tried until it fits.
func write(t *testing.T, store registry.Store, id tenancy.ID, key string, changes int) {
	t.Helper()
	for j := range changes {
		value := map[string]any{fmt.Sprintf("%s_%d", key, j): secret}
		if j%2 == 0 {
			if _, err := store.MergeMetadata(t.Context(), id, value); err != nil {
				t.Error(err)
			}
			continue
		}
		if err := update(t.Context(), store, id, value); err != nil {
			t.Error(err)
		}
	}
}

func update(ctx context.Context, store registry.Store, id tenancy.ID, value map[string]any) error {
	for {
		now, err := store.ByID(ctx, id)
		if err != nil {
			return err
		}
		metadata := now.Metadata()
		maps.Copy(metadata, value)
		if _, err = store.Update(ctx, now.WithMetadata(metadata)); !errors.Is(err, tenancy.ErrConflict) {
			return err
		}
	}
}

// through counts what Reencrypt writes through a store that stands over it.
type through struct {
	registry.Store
	updates []tenancy.ID
}

func (s *through) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	s.updates = append(s.updates, t.ID)
	return s.Store.Update(ctx, t)
}

func TestReencryptThroughACache(t *testing.T) {
	t.Parallel()
	onEachStore(t, func(t *testing.T, w world) {
		created := create(t, w.encrypted(t, cipher(t, oldPassphrase)), newTenant("acme"))
		rotating := w.encrypted(t, cipher(t, newPassphrase, oldPassphrase))
		over := &through{Store: rotating}
		if _, err := rotating.Reencrypt(t.Context(), registry.ReencryptConfig{Through: over}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(over.updates, []tenancy.ID{created.ID}) {
			t.Errorf("%v went through the store above, want %v", over.updates, created.ID)
		}
		got, err := w.encrypted(t, cipher(t, newPassphrase)).ByID(t.Context(), created.ID)
		checkSecrets(t, "with the new key", got, err, secretURL, withSecrets())
	})
}
