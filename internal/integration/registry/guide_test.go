package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// Every piece of code in the guide is in a file that is compiled, below this
// directory or in package registry.
func TestGuideShowsCodeThatCompiles(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/registry.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) == 0 {
		t.Fatal("the guide has no code")
	}
	compiled := unindented(sources(t, ".", "../../../registry"))
	for _, block := range blocks {
		if !strings.Contains(compiled, unindented(block[1])) {
			t.Errorf("not in a file that is compiled:\n%s", block[1])
		}
	}
}

func sources(t *testing.T, dirs ...string) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

func unindented(text string) string {
	return regexp.MustCompile(`(?m)^\s+`).ReplaceAllString(text, "")
}

// What follows is what the guide shows.

func setUp(ctx context.Context, db *sql.DB) (registry.Store, error) {
	store, err := registry.NewEntStore(entsql.OpenDB(dialect.Postgres, db), registry.EntConfig{MaxTenants: 10_000})
	if err != nil {
		return nil, err
	}
	if err := store.Init(ctx); err != nil {
		return nil, err
	}
	return store, nil
}

func createAcme(ctx context.Context, store registry.Store) error {
	acme, err := store.Create(ctx, registry.NewTenant{
		Identifier: "acme",
		Name:       "Acme Inc.",
		Plan:       "gold",
		Metadata:   map[string]any{"seats": 5, "trial": true},
	})
	if errors.Is(err, tenancy.ErrExists) {
		return fmt.Errorf("%s: choose another name", "acme")
	}
	if err != nil {
		return err
	}
	acme, err = store.SetStatus(ctx, acme.ID, tenancy.StatusActive)
	return errors.Join(err, acme.Active())
}

func list(ctx context.Context, store registry.Store) error {
	for tenant, err := range registry.All(ctx, store, registry.Query{Status: tenancy.StatusActive, Plan: "gold"}) {
		if errors.Is(err, tenancy.ErrInvalidTenant) {
			log.Print(err) // one broken record: the others follow
			continue
		}
		if err != nil {
			return err
		}
		log.Print(tenant.Identifier)
	}
	page, err := store.Search(ctx, "acm", 20)
	log.Print(page.Tenants)
	return err
}

func changeStatus(ctx context.Context, store registry.Store, acme tenancy.Tenant) error {
	if _, err := store.SetStatus(ctx, acme.ID, tenancy.StatusSuspended); err != nil { // refused from now on
		return err
	}
	if _, err := store.SetStatus(ctx, acme.ID, tenancy.StatusActive); err != nil { // served again
		return err
	}
	if _, err := registry.Delete(ctx, store, acme.ID); err != nil { // gone for its users; everything is still there
		return err
	}
	if _, err := registry.Restore(ctx, store, acme.ID); err != nil { // back, and suspended until you activate it
		return err
	}
	return store.Erase(ctx, acme.ID) // the record is gone for good
}

func rename(ctx context.Context, store registry.Store) error {
	acme, err := store.ByIdentifier(ctx, "acme")
	if err != nil {
		return err
	}
	acme.Identifier, acme.Name = "acme-corp", "Acme Corporation"
	acme, err = store.Update(ctx, acme)
	if errors.Is(err, tenancy.ErrConflict) {
		return errors.New("someone else has changed the tenant: look at it again")
	}
	if err != nil {
		return err
	}
	acme, err = store.MergeMetadata(ctx, acme.ID, map[string]any{"seats": 50}, "trial") // puts in "seats", takes out "trial"
	log.Print(acme.Name, acme.Metadata())
	return err
}

func addDomain(ctx context.Context, base *registry.EntStore, store registry.Store, acme tenancy.Tenant) error {
	domains, err := registry.NewDomainCache(base.Domains(), store, registry.DomainCacheConfig{}) // base is the *registry.EntStore, store the topmost
	if err != nil {
		return err
	}
	if err := domains.Add(ctx, acme.ID, "shop.acme.com"); errors.Is(err, tenancy.ErrExists) {
		return errors.New("the domain is taken")
	}
	return err
}

func repair(ctx context.Context, store registry.Store, id tenancy.ID) error {
	_, err := store.ByID(ctx, id)
	var broken *registry.BrokenError
	if errors.As(err, &broken) {
		repaired := broken.Tenant // all that can be understood
		repaired.Isolation = tenancy.IsolationShared
		_, err = store.Update(ctx, repaired)
	}
	return err
}

func TestGuide(t *testing.T) {
	t.Parallel()
	db := postgres().empty(t)
	store, err := setUp(t.Context(), db.DB)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context, registry.Store) error{createAcme, list, rename} {
		if err := step(t.Context(), store); err != nil {
			t.Fatal(err)
		}
	}
	if err := createAcme(t.Context(), store); err != nil { // the identifier is free again
		t.Error(err)
	}
	acme, err := store.ByIdentifier(t.Context(), "acme-corp")
	if err != nil || acme.Name != "Acme Corporation" || fmt.Sprint(acme.Metadata()) != "map[seats:50]" {
		t.Errorf("got %v, %v and %v", acme, acme.Metadata(), err)
	}
	base, ok := store.(*registry.EntStore)
	if !ok {
		t.Fatalf("the guide makes a %T", store)
	}
	if err := addDomain(t.Context(), base, store, acme); err != nil {
		t.Error(err)
	}
	if id, err := base.Domains().IDByDomain(t.Context(), "shop.acme.com"); id != acme.ID || err != nil {
		t.Errorf("the domain is of %q: %v", id, err)
	}
	db.set(t, acme.ID, "isolation", "unheard-of")
	if err := repair(t.Context(), store, acme.ID); err != nil {
		t.Error(err)
	}
	if err := changeStatus(t.Context(), store, acme); err != nil {
		t.Error(err)
	}
	if exists, err := registry.Exists(t.Context(), store, acme.ID); exists || err != nil {
		t.Errorf("erased and there: %v and %v", exists, err)
	}
}
