package servers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
)

// atlasRemedy is how to get the Atlas CLI.
const atlasRemedy = "run `make atlas`, or set ATLAS_BIN"

// errNoAtlas says that there is no Atlas CLI.
var errNoAtlas = errors.New("servers: tests beside the Atlas CLI need it: " + atlasRemedy)

// firstWithoutCollate is the first version of PostgreSQL that has no setting lc_collate.
const firstWithoutCollate = 160000

// errOldAtlas says that the CLI that `make atlas` builds, v0.13.1, asks the server for lc_collate, which PostgreSQL has no more.
var errOldAtlas = errors.New("servers: the newest Atlas CLI that can be built, v0.13.1, connects to PostgreSQL 15 at most: " +
	"set ATLAS_BIN to a newer one for the tests beside it")

// Atlas returns the path of the Atlas CLI for databases of ent's dialect: ATLAS_BIN, or what `make atlas` has built. Where there is none tb
// is skipped, or fails in CI. It is skipped, in CI too, where that one does not know the server: [Missing] says so.
func Atlas(tb testing.TB, of string) string {
	tb.Helper()
	path, err := atlas(tb, of)
	switch {
	case err == nil:
	case errors.Is(err, errOldAtlas) || os.Getenv("CI") != "true":
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
	return path
}

// HasAtlas is [Atlas] for who can do without.
func HasAtlas(tb testing.TB, of string) (path string, ok bool) {
	tb.Helper()
	path, err := atlas(tb, of)
	return path, err == nil
}

func atlas(tb testing.TB, of string) (string, error) {
	tb.Helper()
	path, built, err := findAtlas()
	if err == nil && built && of == dialect.Postgres && PostgresVersion(tb) >= firstWithoutCollate {
		err = errOldAtlas
	}
	return path, err
}

// findAtlas looks for what `make atlas` has built from the working directory up, which in a test is that of its package.
func findAtlas() (path string, built bool, _ error) {
	if path := os.Getenv("ATLAS_BIN"); path != "" {
		return path, false, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", false, err
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		path := filepath.Join(dir, "bin", "atlas")
		if _, err := os.Stat(path); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				return path, true, nil
			}
		}
	}
	return "", false, errNoAtlas
}
