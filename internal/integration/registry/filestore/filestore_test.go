package filestore_test

import (
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/registry/filestore"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	registrytest.Run(t, func(t *testing.T) registry.Store {
		t.Helper()
		return open(t, t.TempDir())
	}, registrytest.Capabilities{})
}

func open(t *testing.T, dir string) *filestore.Store {
	t.Helper()
	store, err := filestore.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestTenantsAreThereAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	want, err := open(t, dir).Create(t.Context(), registry.NewTenant{
		Identifier: "acme", Name: "Acme", Metadata: map[string]any{"k": "v"},
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://u:p@h/d")},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, dir).ByID(t.Context(), want.ID); err != nil || !got.Equal(want) {
		t.Errorf("got %v and %v, want the tenant that was created", got, err)
	}
}
