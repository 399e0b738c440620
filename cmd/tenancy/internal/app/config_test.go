package app_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/manager"
)

// load reads an environment and flags.
func load(t *testing.T, env map[string]string, args ...string) app.Config {
	t.Helper()
	for name, value := range env {
		t.Setenv(name, value)
	}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	app.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	c, err := app.Load(flags)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFlagsWinOverVariables(t *testing.T) {
	key := strings.Repeat("k", 32)
	c := load(t, map[string]string{
		"TENANCY_ISOLATION_DEFAULT": "nonsense", "TENANCY_ISOLATION_PREMIUM": "database", "TENANCY_ISOLATION_PREMIUM_PLANS": "gold",
		"TENANCY_DATABASE_URL": "postgres://shop:secret@db/shop", "TENANCY_ENCRYPTION_KEY": key, "TENANCY_REDIS_URL": "redis://:hush@cache:6379/0",
		"TENANCY_CLI_TENANT_COLUMN": "company_id",
	}, "--isolation", "schema")
	if c.Isolation.Default != tenancy.IsolationSchema || len(c.Isolation.PremiumPlans) > 0 || c.Migrations.Dir != "migrations" || c.TenantColumn != "company_id" {
		t.Errorf("got %+v, %q and %q", c.Isolation, c.Migrations.Dir, c.TenantColumn)
	}
	if !c.Database.AdminURL.Equal(c.Database.URL) {
		t.Error("the admin's URL is not the other by default")
	}
	if got := c.Secrets(); !slices.Equal(got, []string{key, "secret", "secret", "hush"}) {
		t.Errorf("%d secrets are not those of the environment", len(got))
	}
}

// TestNothingIsServed has the settings of an application that takes more of its
// program than the tool has, and of another kind of database than a flag names.
func TestNothingIsServed(t *testing.T) {
	c := load(t, map[string]string{
		"TENANCY_RESOLUTION_STRATEGIES": "custom,jwt", "TENANCY_JWT_JWKS_URL": "https://127.0.0.1:1/keys", "TENANCY_MIGRATIONS_REQUIRE": "latest",
		"TENANCY_DATABASE_TENANTS_DIR": "tenants", "TENANCY_ISOLATION_DEFAULT": "schema", "TENANCY_TENANTS_WARM_POOL": "2",
	}, "--database-url", "shop:secret@tcp(127.0.0.1:1)/shop?charset=utf8mb4")
	if got := c.Database.URL.Reveal(); got != "mysql://shop:secret@127.0.0.1:1/shop?charset=utf8mb4" {
		t.Error("the data source name has become another URL")
	}
	a, err := app.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// TestPasswordsInDataSourceNames has passwords that look like other parts of one.
func TestPasswordsInDataSourceNames(t *testing.T) {
	for _, password := range []string{"plain", "p?w", "a://b", "a/b?c", "s3cr(et", "mysql://x@y/z"} {
		dsn := "shop:" + password + "@tcp(127.0.0.1:1)/shop?charset=utf8mb4"
		c := load(t, nil, "--database-url", dsn)
		at, err := url.Parse(c.Database.URL.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := at.User.Password(); at.Scheme != "mysql" || got != password || at.Path != "/shop" || at.RawQuery != "charset=utf8mb4" {
			t.Errorf("%s: the URL is another's", password)
		}
		if got := app.DatabaseName(tenancy.Tenant{Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(dsn)}}); got != "shop" {
			t.Errorf("%s: the database is called %q", password, got)
		}
	}
}

func TestDatabaseName(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                                    "",
		"postgres://u:p@db/acme?sslcert=/a/b": "acme",
		"postgres://u:p?w@db/acme":            "",
		"mysql://u:p%3Fw@db:3306/a%20b":       "a b",
		"u:p@tcp(db:3306)/a%2Fb?x=y%2Fz":      "a/b",
		"file:/var/lib/acme.db":               "acme.db",
		"file:///var/lib/acme.db":             "acme.db",
	} {
		if got := app.DatabaseName(tenancy.Tenant{Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(address)}}); got != want {
			t.Errorf("%s: got %q, want %q", address, got, want)
		}
	}
}

func TestConfigThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	open := func(address, isolation string) error {
		_, err := app.Open(t.Context(), app.Config{Config: manager.Config{
			Database:  manager.DatabaseConfig{URL: tenancy.NewSecret(address)},
			Isolation: manager.IsolationConfig{Default: tenancy.Isolation(isolation)},
		}})
		return err
	}
	if err := open("sqlite:home.db", "nonsense"); err == nil || !strings.Contains(err.Error(), "TENANCY_ISOLATION_DEFAULT") {
		t.Errorf("got %v", err)
	}
	for _, address := range []string{"postgres://shop:hunter2@db:port/shop", "shop:hunter2@tcp(db:3306", "file:", "nothing"} {
		if err := open(address, ""); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
