package noninterference_test

import (
	"flag"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"github.com/entenancy/tenancy/internal/integration/noninterference"
)

// TestMain says how much rapid does, unless the command line does.
func TestMain(m *testing.M) {
	flag.Parse()
	given := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { given[f.Name] = true })
	checks := "2"
	if os.Getenv("TENANCY_TEST_SLOW") == "1" {
		checks = "20"
	}
	for name, value := range map[string]string{"rapid.checks": checks, "rapid.steps": "120", "rapid.nofailfile": "true"} {
		if !given[name] {
			_ = flag.Set(name, value)
		}
	}
	os.Exit(m.Run())
}

// TestNonInterference checks the property in every cell. The places are made
// one after the other, since ent's migration writes to variables of the
// generated package.
func TestNonInterference(t *testing.T) {
	var done atomic.Int64
	t.Cleanup(func() { t.Logf("%d operations", done.Load()) })
	for _, cell := range cells() {
		t.Run(cell.Name, func(t *testing.T) {
			place := cell.Open(t)
			t.Parallel()
			for name, property := range map[string]noninterference.Property{
				"interleaved": noninterference.Interleaved, "concurrent": noninterference.Concurrent, "alone": noninterference.Alone,
			} {
				t.Run(name, func(t *testing.T) { rapid.Check(t, property(t.Context(), cell, place, &done)) })
			}
		})
	}
}

// The fuzz tests let programs be found by coverage. Each has one cell, in which
// tenants live in all ways that its database has.
func FuzzPostgreSQL(f *testing.F) { fuzz(f, "PostgreSQL hybrid") }
func FuzzMariaDB(f *testing.F)    { fuzz(f, "MariaDB hybrid") }
func FuzzSQLite(f *testing.F)     { fuzz(f, "SQLite hybrid") }

func fuzz(f *testing.F, name string) {
	f.Helper()
	for seed := range uint64(2) {
		source := rand.NewChaCha8([32]byte{byte(seed)})
		program := make([]byte, 1<<16)
		_, _ = source.Read(program)
		f.Add(program)
	}
	cell := cells()[slices.IndexFunc(cells(), func(c noninterference.Cell) bool { return c.Name == name })]
	place := cell.Open(f)
	ctx, done := f.Context(), new(atomic.Int64)
	all := []noninterference.Property{noninterference.Interleaved, noninterference.Concurrent, noninterference.Alone}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) {
		rapid.SampledFrom(all).Draw(t, "property")(ctx, cell, place, done)(t)
	}))
}
