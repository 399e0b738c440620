// Package codegen_test generates ent clients the way a user of the library
// does: in a module of its own, with entc.go and the extension. Each script in
// testdata is one such user's story.
package codegen_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	// The scripts use the library by themselves. Importing it tells the test
	// cache that a change of it is a change of this test.
	_ "github.com/entenancy/tenancy/entext"
	_ "github.com/entenancy/tenancy/schema/mixin"
)

func TestMain(m *testing.M) { testscript.Main(m, nil) }

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", Setup: newModule, RequireExplicitExec: true})
}

// newModule makes the script's directory a module that uses this checkout of
// the library, with the dependencies that the integration module has.
func newModule(env *testscript.Env) error {
	for _, key := range []string{"HOME", "GOPATH", "GOMODCACHE", "GOCACHE", "GOPROXY", "GOTOOLCHAIN"} {
		if v := os.Getenv(key); v != "" {
			env.Setenv(key, v)
		}
	}
	env.Setenv("GOWORK", "off")
	env.Setenv("GOFLAGS", "-mod=mod")
	root, err := filepath.Abs("../../..")
	if err != nil {
		return err
	}
	mod, err := os.ReadFile("../go.mod")
	if err != nil {
		return err
	}
	text := strings.Replace(string(mod), "module github.com/entenancy/tenancy/internal/integration", "module example.com/shop", 1)
	text = strings.Replace(text, "tenancy => ../../", "tenancy => "+root, 1)
	if err := os.WriteFile(filepath.Join(env.WorkDir, "go.mod"), []byte(text), 0o600); err != nil {
		return err
	}
	sum, err := os.ReadFile("../go.sum")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(env.WorkDir, "go.sum"), sum, 0o600)
}
