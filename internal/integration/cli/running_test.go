package cli_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
)

// TestARunningApplicationHears changes tenants with the tool while an application
// has them cached for an hour: also that there is none.
func TestARunningApplicationHears(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			home := d.home(t, t.TempDir())
			// Erasing looks for rows of the tenant, and refuses where no table can have any.
			if _, err := d.open(t, home).ExecContext(t.Context(), "CREATE TABLE notes (id int PRIMARY KEY, tenant_id varchar(255) NOT NULL)"); err != nil {
				t.Fatal(err)
			}
			config := manager.Config{
				Database:  manager.DatabaseConfig{URL: tenancy.NewSecret(urlOf(t, home))},
				Isolation: manager.IsolationConfig{Default: tenancy.IsolationShared},
				Cache:     manager.CacheConfig{TTL: time.Hour},
			}
			if d.name != "postgres" { // which tells of changes itself
				config.Redis = manager.RedisConfig{URL: tenancy.NewSecret(servers.Redis(t)), Prefix: "test-" + strings.ToLower(rand.Text())}
			}
			serves := running(t, config)
			serves(http.StatusNotFound)
			for _, step := range []struct {
				args string
				want int
			}{
				{"create acme", http.StatusOK},
				{"suspend acme", http.StatusNotFound},
				{"activate acme", http.StatusOK},
				{"erase acme --yes=acme", http.StatusNotFound},
			} {
				operate(t, config, step.args)
				serves(step.want)
			}
		})
	}
}

// running starts an application, and returns what waits until requests for acme
// are answered so.
func running(t *testing.T, config manager.Config) func(want int) {
	t.Helper()
	m, err := manager.New(t.Context(), config, manager.App{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if err := m.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	h := m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	return func(want int) {
		t.Helper()
		code := 0
		for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Header.Set("X-Tenant-ID", "acme")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if code = w.Code; code == want {
				return
			}
		}
		t.Fatalf("requests are answered with %d, and should be with %d", code, want)
	}
}

// operate runs the tool beside it.
func operate(t *testing.T, config manager.Config, args string) {
	t.Helper()
	run := exec.CommandContext(t.Context(), filepath.Join(program, "tenancy"), append([]string{"tenant"}, strings.Fields(args)...)...)
	run.Env = append(os.Environ(),
		"TENANCY_DATABASE_URL="+config.Database.URL.Reveal(), "TENANCY_ISOLATION_DEFAULT=shared",
		"TENANCY_REDIS_URL="+config.Redis.URL.Reveal(), "TENANCY_REDIS_PREFIX="+config.Redis.Prefix)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("tenancy tenant %s: %v\n%s", args, err, out)
	}
}

// urlOf returns an address as applications have it: data source names are for the tool.
func urlOf(t *testing.T, home string) string {
	t.Helper()
	config, err := mysql.ParseDSN(home)
	if err != nil || strings.Contains(home, "://") || config.Net != "tcp" {
		return home
	}
	at := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
	return at.String()
}
