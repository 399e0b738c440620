package app_test

import (
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
)

func TestFlagsWinOverVariables(t *testing.T) {
	t.Parallel()
	var c app.Config
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse([]string{"--isolation", "schema"}); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"TENANCY_ISOLATION_DEFAULT": "nonsense", "TENANCY_DATABASE_URL": "postgres://shop:secret@db/shop", "TENANCY_ENCRYPTION_KEY": "key"}
	if err := c.FromEnvironment(flags, func(name string) string { return env[name] }); err != nil {
		t.Fatal(err)
	}
	if c.Isolation != "schema" || c.AdminURL != env["TENANCY_DATABASE_URL"] || c.MigrationsDir != "migrations" {
		t.Errorf("got isolation %q, the admin's URL equal to the other: %t, directory %q", c.Isolation, c.AdminURL == c.DatabaseURL, c.MigrationsDir)
	}
	if secrets := strings.Join(c.Secrets(), " "); secrets != "key secret secret" {
		t.Errorf("the secrets are %q", secrets)
	}
}

func TestConfigThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	var c app.Config
	env := map[string]string{"TENANCY_ISOLATION_DEFAULT": "nonsense"}
	if err := c.FromEnvironment(nil, func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), "TENANCY_ISOLATION_DEFAULT") {
		t.Errorf("got %v", err)
	}
	for _, address := range []string{"postgres://shop:hunter2@db:port/shop", "shop:hunter2@tcp(db:3306", "file:home.db?%zz=hunter2", "nothing"} {
		if _, err := app.Open(app.Config{AdminURL: address}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	}
}
