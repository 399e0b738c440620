package manager_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/entenancy/tenancy/manager"
)

func TestDirectories(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files          []string
		dir, shared    string
		tenant, atHome string // empty for an error
	}{
		"parent":              {[]string{"m/tenant/1.sql", "m/shared/1.sql"}, "m", "", "m/tenant", "m/shared"},
		"parent without home": {[]string{"m/tenant/1.sql"}, "m", "", "m/tenant", ""},
		"tenant":              {[]string{"m/tenant/1.sql", "m/shared/1.sql"}, "m/tenant", "", "m/tenant", "m/shared"},
		"tenant, with slash":  {[]string{"m/tenant/1.sql", "m/shared/1.sql"}, "m/tenant/", "", "m/tenant", "m/shared"},
		"one for both":        {[]string{"m/1.sql", "shared/1.sql"}, "m", "", "m", ""},
		"home elsewhere":      {[]string{"m/tenant/1.sql", "m/shared/1.sql", "home/1.sql"}, "m", "home", "m/tenant", "home"},
		"new and empty":       {[]string{"m/tenant/atlas.sum"}, "m", "", "m/tenant", ""},
		"missing":             {nil, "m", "", "", ""},
		"a level too high":    {[]string{"m/postgres/tenant/1.sql"}, "m", "", "", ""},
		"empty tenant":        {[]string{"m/tenant/README"}, "m", "", "", ""},
		"empty home":          {[]string{"m/tenant/1.sql", "m/shared/README"}, "m", "", "", ""},
		"missing home":        {[]string{"m/tenant/1.sql"}, "m", "home", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			at := func(path string) string {
				if path == "" {
					return ""
				}
				return filepath.Join(root, path)
			}
			for _, file := range test.files {
				if err := os.MkdirAll(filepath.Dir(at(file)), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(at(file), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			tenant, shared, err := manager.MigrationsConfig{Dir: root + "/" + test.dir, SharedDir: at(test.shared)}.Directories()
			if test.tenant == "" {
				var invalid *manager.ConfigError
				if !errors.As(err, &invalid) || invalid.Problems[0].Env == "" {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil || filepath.Clean(tenant) != at(test.tenant) || shared != at(test.atHome) {
				t.Errorf("got %s, %s and %v", tenant, shared, err)
			}
		})
	}
}
