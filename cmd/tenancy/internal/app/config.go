// Package app is what the commands work on: an application's configuration,
// its registry of tenants and its migrations.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy"
)

// Config says where everything is. Each field is a flag and a variable of the
// environment, and the flag wins. The variables are those of manager.Config; what
// only this tool has begins with TENANCY_CLI_.
type Config struct {
	// DatabaseURL is the home, the database with the registry and the shared tables,
	// as the role that serves requests. Defaults to AdminURL.
	DatabaseURL string
	// AdminURL reaches the home as the role that owns the tables, past any pooler.
	// Defaults to DatabaseURL.
	AdminURL string
	// MigrationsDir has the directories tenant and shared, as migrate/diff writes
	// them, or the files of tenants' tables themselves.
	MigrationsDir string
	// SharedDir has the files of the home. Defaults to the directory shared that
	// goes with MigrationsDir, if there is one.
	SharedDir string
	// Isolation is that of tenants whose record does not say. Defaults to rls
	// on PostgreSQL, and to shared elsewhere.
	Isolation string
	// GlobalSchema is the PostgreSQL schema of the shared tables. Defaults to public.
	GlobalSchema string
	// TenantsDir is the directory of tenants' files, on SQLite. Defaults to tenants
	// beside the home's file.
	TenantsDir string
	// TenantColumn is the column with the tenant's id, or several with commas between.
	TenantColumn string
	// NamespacePrefix is what the names of tenants' schemas, databases and files
	// begin with. Defaults to that of package manager/namespace.
	NamespacePrefix string
	// Roles are the roles or users that serve requests, with commas between. They
	// get the use of new namespaces. On MySQL they are like shop@%.
	Roles string
	// EncryptionKeys are the passphrases of the registry's secrets, the current one
	// first. They have variables, TENANCY_ENCRYPTION_KEY and TENANCY_ENCRYPTION_OLD_KEYS,
	// and no flags, because others can see a process' flags.
	EncryptionKeys []string
}

// setting is one field of Config.
type setting struct {
	flag, variable, usage, standard string
	target                          *string
}

func (c *Config) settings() []setting {
	return []setting{
		{"database-url", "TENANCY_DATABASE_URL", "the database with the registry, as the role that serves requests: postgres://…, mysql://… or sqlite:///…", "", &c.DatabaseURL},
		{"admin-url", "TENANCY_DATABASE_ADMIN_URL", "the same database as the role that owns the tables, and not through a pooler", "", &c.AdminURL},
		{"migrations-dir", "TENANCY_MIGRATIONS_DIR", "the directory of migrations", "migrations", &c.MigrationsDir},
		{"shared-migrations-dir", "TENANCY_MIGRATIONS_SHARED_DIR", "that of the home (default shared beside it or in it)", "", &c.SharedDir},
		{"isolation", "TENANCY_ISOLATION_DEFAULT", "that of new tenants, and of those whose record has none (default rls on PostgreSQL, otherwise shared)", "", &c.Isolation},
		{"global-schema", "TENANCY_DATABASE_GLOBAL_SCHEMA", "the PostgreSQL schema of the shared tables (default public)", "", &c.GlobalSchema},
		{"tenants-dir", "TENANCY_DATABASE_TENANTS_DIR", "the directory of tenants' files, on SQLite (default tenants beside the home's file)", "", &c.TenantsDir},
		{"tenant-column", "TENANCY_CLI_TENANT_COLUMN", "the column with the tenant's id; several with commas between", "tenant_id", &c.TenantColumn},
		{"namespace-prefix", "TENANCY_ISOLATION_PREFIX", "what the names of new schemas, databases and files begin with (default tenant_)", "", &c.NamespacePrefix},
		{"roles", "TENANCY_CLI_ROLES", "roles that serve requests, which get the use of new namespaces (default that of the database URL)", "", &c.Roles},
	}
}

// Flags adds a flag for each field.
func (c *Config) Flags(flags *pflag.FlagSet) {
	for _, s := range c.settings() {
		flags.StringVar(s.target, s.flag, s.standard, s.usage+" ["+s.variable+"]")
	}
}

// FromEnvironment fills in what no flag has set, and checks what can be checked
// without a database.
func (c *Config) FromEnvironment(flags *pflag.FlagSet, getenv func(string) string) error {
	for _, s := range c.settings() {
		if value := getenv(s.variable); value != "" && (flags == nil || !flags.Changed(s.flag)) {
			*s.target = value
		}
	}
	c.EncryptionKeys = list(getenv("TENANCY_ENCRYPTION_KEY") + "," + getenv("TENANCY_ENCRYPTION_OLD_KEYS"))
	c.AdminURL = cmp.Or(c.AdminURL, c.DatabaseURL)
	c.DatabaseURL = cmp.Or(c.DatabaseURL, c.AdminURL)
	if err := tenancy.Isolation(c.Isolation).Validate(); err != nil {
		return fmt.Errorf("--isolation (TENANCY_ISOLATION_DEFAULT) is none of %q", tenancy.Isolations())
	}
	return nil
}

// errNoDatabase says what is missing.
var errNoDatabase = errors.New("no database: set TENANCY_DATABASE_URL or --database-url")

// list splits a text at its commas.
func list(text string) []string {
	var all []string
	for one := range strings.SplitSeq(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}

// Secrets are the parts of the configuration that must not be shown.
func (c *Config) Secrets() []string {
	secrets := slices.Clone(c.EncryptionKeys)
	for _, address := range []string{c.DatabaseURL, c.AdminURL} {
		secrets = append(secrets, passwordOf(address))
	}
	return secrets
}

// passwordOf returns the password in a database URL, empty if there is none.
func passwordOf(address string) string {
	if u, err := url.Parse(address); err == nil && u.User != nil {
		password, _ := u.User.Password()
		return password
	}
	if config, err := mysql.ParseDSN(address); err == nil {
		return config.Passwd
	}
	return ""
}
