package servers

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// atlasRemedy is how to get the Atlas CLI.
const atlasRemedy = "run `make atlas`, or set ATLAS_BIN"

// errNoAtlas says that there is no Atlas CLI.
var errNoAtlas = errors.New("servers: tests beside the Atlas CLI need it: " + atlasRemedy)

// Atlas returns the path of the Atlas CLI: ATLAS_BIN, or what `make atlas` has built. Where there is none tb is skipped, or fails in CI.
func Atlas(tb testing.TB) string {
	tb.Helper()
	path, err := atlas()
	if err != nil {
		if os.Getenv("CI") != "true" {
			tb.Skip(err)
		}
		tb.Fatal(err)
	}
	return path
}

// HasAtlas is [Atlas] for who can do without.
func HasAtlas() (path string, ok bool) {
	path, err := atlas()
	return path, err == nil
}

// atlas looks for bin/atlas from the working directory up, which in a test is that of its package.
func atlas() (string, error) {
	if path := os.Getenv("ATLAS_BIN"); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for up := filepath.Dir(dir); up != dir; dir, up = up, filepath.Dir(up) {
		path := filepath.Join(dir, "bin", "atlas")
		if _, err := os.Stat(path); err == nil {
			if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
				return path, nil
			}
		}
	}
	return "", errNoAtlas
}
