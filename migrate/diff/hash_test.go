package diff_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/migrate/diff"
)

func TestHashIsOfWhatIsThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tenant := filepath.Join(dir, diff.TenantDir)
	if err := os.Mkdir(tenant, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(tenant, "20260101000000_init.sql"), []byte("CREATE TABLE a (id int);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := diff.Hash(dir); err != nil {
		t.Fatal(err)
	}
	local, err := migrate.NewLocalDir(tenant)
	if err != nil {
		t.Fatal(err)
	}
	if err := migrate.Validate(local); err != nil {
		t.Errorf("after Hash: %v", err)
	}
}

// TestHashOfNothing names one of the two directories, or none, where the one above is meant.
func TestHashOfNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tenant := filepath.Join(dir, diff.TenantDir)
	if err := os.Mkdir(tenant, 0o750); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{tenant, filepath.Join(dir, "nowhere"), ""} {
		if err := diff.Hash(name); err == nil || !strings.Contains(err.Error(), "neither tenant nor shared") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}
