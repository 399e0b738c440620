package migratediff_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

// TestCheckpoint has one of files that lead to ent's schema: nothing is missing after it.
func TestCheckpoint(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		config := shop(t, name)
		named(t, config, "init")
		written, err := diff.Checkpoint(t.Context(), config, "release_1")
		must(t, err)
		if len(written) != 2 {
			t.Fatalf("written are %q", written)
		}
		for _, path := range written {
			text, err := os.ReadFile(path)
			must(t, err)
			if !strings.HasPrefix(string(text), "-- atlas:checkpoint\n\n") {
				t.Errorf("%s begins with %.40q", path, text)
			}
			dir, err := migrate.NewLocalDir(filepath.Dir(path))
			must(t, err)
			from, err := migrate.FilesFromLastCheckpoint(dir)
			must(t, err)
			if len(from) != 1 || from[0].Name() != filepath.Base(path) {
				t.Errorf("a new place begins with %v", from)
			}
		}
		must(t, diff.Check(t.Context(), config)) // which replays the checkpoint alone
		if findings := linted(t, config); len(findings) > 0 {
			t.Errorf("lint refuses it: %v", findings)
		}
	})
}

// TestCheckpointNamesWhatItLacks has a view and rows that only a file by hand makes.
func TestCheckpointNamesWhatItLacks(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		config := shop(t, name)
		lacks, revoke := []string{"tenant: table kept", "tenant: rows of kept", "tenant: view held"}, ""
		if name == dialect.Postgres {
			config.Roles = []string{"shop"}
			lacks, revoke = append(lacks, "tenant: REVOKE DELETE ON kept FROM shop"), "REVOKE DELETE ON kept FROM shop;\n"
		}
		named(t, config, "init")
		byHand := filepath.Join(config.Dir, diff.TenantDir, "29990101000000_by_hand.sql")
		must(t, os.WriteFile(byHand, []byte("CREATE TABLE kept (id int);\nINSERT INTO kept VALUES (1);\nCREATE VIEW held AS SELECT id FROM kept;\n"+revoke), 0o600))
		must(t, diff.Hash(config.Dir))
		written, err := diff.Checkpoint(t.Context(), config, "release_1")
		if !errors.Is(err, diff.ErrIncomplete) || len(written) != 2 {
			t.Fatalf("got %v, %v", written, err)
		}
		for _, lost := range lacks {
			if !strings.Contains(err.Error()+"\n", "\n"+lost+"\n") {
				t.Errorf("%q is not in %v", lost, err)
			}
		}
		if strings.Count(err.Error(), "\n") != len(lacks) {
			t.Errorf("there is more in %v", err)
		}
	})
}

// TestCheckpointOfWhatIsBehind is refused: places that begin with it would be ahead of others.
func TestCheckpointOfWhatIsBehind(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	if written, err := diff.Checkpoint(t.Context(), config, "release_1"); !errors.Is(err, diff.ErrBehind) || len(written) > 0 {
		t.Errorf("got %v, %v", written, err)
	}
}
