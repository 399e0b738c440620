// Package app is what the commands work on: an application's configuration,
// its registry of tenants and its migrations.
package app

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy"
)

// Config says where everything is. Each field is a flag and a variable of the
// environment, and the flag wins.
type Config struct {
	// DatabaseURL is the home, the database with the registry and the shared tables,
	// as the role that serves requests. Defaults to OwnerURL.
	DatabaseURL string
	// OwnerURL reaches the home as the role that owns the tables, past any pooler.
	// Defaults to DatabaseURL.
	OwnerURL string
	// MigrationsDir has the directories tenant and shared, as migrate/diff writes
	// them, or the files of tenants' tables themselves.
	MigrationsDir string
	// Isolation is that of tenants whose record does not say. Defaults to shared.
	Isolation string
	// HomeSchema is the PostgreSQL schema of the shared tables.
	HomeSchema string
	// TenantsDir is the directory of tenants' files, on SQLite.
	TenantsDir string
	// TenantColumn is the column with the tenant's id, or several with commas between.
	TenantColumn string
	// NamespacePrefix is what the names of tenants' schemas, databases and files
	// begin with. Defaults to that of package manager/namespace.
	NamespacePrefix string
	// Roles are the roles or users that serve requests, with commas between. They
	// get the use of new namespaces. On MySQL they are like shop@%.
	Roles string
	// EncryptionKey is the passphrase of the registry's secrets. It has a variable,
	// TENANCY_ENCRYPTION_KEY, and no flag, because others can see a process' flags.
	EncryptionKey string
}

// setting is one field of Config.
type setting struct {
	flag, variable, usage, standard string
	target                          *string
}

func (c *Config) settings() []setting {
	return []setting{
		{"database-url", "TENANCY_DATABASE_URL", "the database with the registry: postgres://…, a MySQL DSN, or file:… for SQLite", "", &c.DatabaseURL},
		{"owner-url", "TENANCY_OWNER_URL", "the same database as the role that owns the tables, and not through a pooler", "", &c.OwnerURL},
		{"migrations-dir", "TENANCY_MIGRATIONS_DIR", "the directory of migrations", "migrations", &c.MigrationsDir},
		{"isolation", "TENANCY_ISOLATION", "the isolation of tenants whose record has none", "", &c.Isolation},
		{"home-schema", "TENANCY_HOME_SCHEMA", "the PostgreSQL schema of the shared tables", "", &c.HomeSchema},
		{"tenants-dir", "TENANCY_TENANTS_DIR", "the directory of tenants' files, on SQLite", "", &c.TenantsDir},
		{"tenant-column", "TENANCY_TENANT_COLUMN", "the column with the tenant's id; several with commas between", "tenant_id", &c.TenantColumn},
		{"namespace-prefix", "TENANCY_NAMESPACE_PREFIX", "what the names of new schemas, databases and files begin with (default tenant_)", "", &c.NamespacePrefix},
		{"roles", "TENANCY_ROLES", "roles that serve requests, which get the use of new namespaces (default that of the database URL)", "", &c.Roles},
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
	c.EncryptionKey = getenv("TENANCY_ENCRYPTION_KEY")
	c.OwnerURL = cmp.Or(c.OwnerURL, c.DatabaseURL)
	c.DatabaseURL = cmp.Or(c.DatabaseURL, c.OwnerURL)
	if err := tenancy.Isolation(c.Isolation).Validate(); err != nil {
		return fmt.Errorf("--isolation (TENANCY_ISOLATION) is none of %q", tenancy.Isolations())
	}
	return nil
}

// errNoDatabase says what is missing.
var errNoDatabase = errors.New("no database: set TENANCY_DATABASE_URL or --database-url")

// tenantColumns are the columns that TenantColumn names.
func (c *Config) tenantColumns() []string {
	var columns []string
	for column := range strings.SplitSeq(c.TenantColumn, ",") {
		columns = append(columns, strings.TrimSpace(column))
	}
	return columns
}

// Secrets are the parts of the configuration that must not be shown.
func (c *Config) Secrets() []string {
	secrets := []string{c.EncryptionKey}
	for _, address := range []string{c.DatabaseURL, c.OwnerURL} {
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
