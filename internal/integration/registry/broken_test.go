package registry_test

import (
	"bytes"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// What a broken record holds shows up in no error and no log, and each is logged.
func TestBrokenRecordsAreLogged(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		var log bytes.Buffer
		store, err := registry.NewEntStore(db.driver, registry.EntConfig{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		broken := map[tenancy.ID][2]string{
			"status": {"status", "secret"}, "no-status": {"status", ""}, "isolation": {"isolation", "secret"},
			"list": {"metadata", `["secret"]`}, "string": {"metadata", `"secret"`}, "null": {"metadata", "null"},
		}
		if db.driver.Dialect() == dialect.SQLite { // the others keep such text out
			broken["no-json"] = [2]string{"metadata", `{"secret`}
		}
		var want []tenancy.ID
		for id, change := range broken {
			n := registry.NewTenant{ID: id, Identifier: "t-" + string(id), Name: "T"}
			if _, err := store.Create(t.Context(), n); err != nil {
				t.Fatal(err)
			}
			db.set(t, id, change[0], change[1])
			want = append(want, id)
			if _, err := store.ByID(t.Context(), id); !errors.Is(err, tenancy.ErrInvalidTenant) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%s: got %v, want ErrInvalidTenant without what is broken", id, err)
			}
		}
		slices.Sort(want)
		page, err := store.List(t.Context(), registry.Query{})
		if err != nil || !slices.Equal(page.Invalid, want) {
			t.Errorf("List left out %q (%v), want %q", page.Invalid, err, want)
		}
		if got := strings.Count(log.String(), "level=WARN"); got != len(broken) || strings.Contains(log.String(), "secret") {
			t.Errorf("%d warnings for %d broken records:\n%s", got, len(broken), log.String())
		}
		for id, change := range broken {
			if change[0] != "metadata" {
				continue
			}
			if got, err := store.MergeMetadata(t.Context(), id, map[string]any{"k": "v"}); err != nil || len(got.Metadata()) != 1 {
				t.Errorf("%s: repairing its metadata: got %v and %v", id, got.Metadata(), err)
			}
		}
	})
}
