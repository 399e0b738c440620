// Package app is what the commands work on: an application's configuration,
// its registry of tenants and its migrations.
package app

import (
	"errors"
	"log/slog"
	"net/url"
	"os"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"
	"github.com/spf13/pflag"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/mysqldsn"
	"github.com/entenancy/tenancy/manager"
)

// Config is the application's own configuration, and what only this tool has,
// whose variables begin with TENANCY_CLI_. Some fields are flags too, which win.
type Config struct {
	manager.Config

	// TenantColumn is the column with the tenant's id, or several with commas between.
	TenantColumn string
	// Roles are more roles or users that serve requests, with commas between. They
	// get the use of new namespaces. On MySQL they are like shop@%.
	Roles string
	// Log is told of what is no command's result, such as an entry of the audit
	// that could not be recorded.
	Log *slog.Logger
}

// setting is a field of Config that is a flag.
type setting struct {
	flag, variable, usage, standard string
	set                             func(c *Config, value string)
}

func settings() []setting {
	return []setting{
		{"database-url", "TENANCY_DATABASE_URL", "the database with the registry, as the role that serves requests: postgres://…, mysql://… or sqlite:///…", "", func(c *Config, value string) { c.Database.URL = tenancy.NewSecret(value) }},
		{"admin-url", "TENANCY_DATABASE_ADMIN_URL", "the same database as the role that owns the tables, and not through a pooler", "", func(c *Config, value string) { c.Database.AdminURL = tenancy.NewSecret(value) }},
		{"migrations-dir", "TENANCY_MIGRATIONS_DIR", "the directory of migrations, with tenant and shared in it, or tenant itself", defaultMigrations, func(c *Config, value string) { c.Migrations.Dir = value }},
		{"shared-migrations-dir", "TENANCY_MIGRATIONS_SHARED_DIR", "that of the home (default shared beside it or in it)", "", func(c *Config, value string) { c.Migrations.SharedDir = value }},
		{"isolation", "TENANCY_ISOLATION_DEFAULT", "that of new tenants, whatever their plan, and of those whose record has none (default rls on PostgreSQL, otherwise shared)", "", (*Config).isolate},
		{"global-schema", "TENANCY_DATABASE_GLOBAL_SCHEMA", "the PostgreSQL schema of the shared tables (default public)", "", func(c *Config, value string) { c.Database.GlobalSchema = value }},
		{"tenants-dir", "TENANCY_DATABASE_TENANTS_DIR", "the directory of tenants' files, on SQLite (default tenants beside the home's file)", "", func(c *Config, value string) { c.Database.TenantsDir = value }},
		{"tenant-column", "TENANCY_CLI_TENANT_COLUMN", "the column with the tenant's id; several with commas between", "tenant_id", func(c *Config, value string) { c.TenantColumn = value }},
		{"namespace-prefix", "TENANCY_ISOLATION_PREFIX", "what the names of new schemas, databases and files begin with (default tenant_)", "", func(c *Config, value string) { c.Isolation.Prefix = value }},
		{"roles", "TENANCY_CLI_ROLES", "more roles that serve requests, which get the use of new namespaces beside that of the database URL; on MySQL like shop@%", "", func(c *Config, value string) { c.Roles = value }},
	}
}

// isolate is what somebody has chosen for this run, before all plans.
func (c *Config) isolate(isolation string) {
	c.Isolation.Default = tenancy.Isolation(isolation)
	c.Isolation.Premium, c.Isolation.PremiumPlans, c.Isolation.PremiumTenants = "", nil, nil
}

// Flags adds the flags.
func Flags(flags *pflag.FlagSet) {
	for _, s := range settings() {
		flags.String(s.flag, s.standard, s.usage+" ["+s.variable+"]")
	}
}

// Load reads the environment, as the application does, and the flags, which may be nil.
func Load(flags *pflag.FlagSet) (Config, error) {
	read, err := manager.FromEnv()
	if err != nil {
		return Config{}, err
	}
	c := Config{Config: read, TenantColumn: os.Getenv("TENANCY_CLI_TENANT_COLUMN"), Roles: os.Getenv("TENANCY_CLI_ROLES")}
	for _, s := range settings() {
		if flags != nil && flags.Changed(s.flag) {
			s.set(&c, flags.Lookup(s.flag).Value.String())
		}
	}
	if c.Migrations.Dir == "" {
		c.Migrations.Dir = defaultMigrations
	}
	if c.TenantColumn == "" {
		c.TenantColumn = "tenant_id"
	}
	c.fit()
	c.serveNobody()
	return c, nil
}

// fit completes the URLs, and leaves out what other kinds of database have: a
// flag may name another than the environment's.
func (c *Config) fit() {
	d := &c.Database
	if d.URL.IsZero() {
		d.URL = d.AdminURL
	}
	d.URL, d.AdminURL = fromDSN(d.URL), fromDSN(d.AdminURL)
	if d.AdminURL.IsZero() {
		d.AdminURL = d.URL
	}
	if d.Dialect() != dialect.Postgres {
		d.GlobalSchema = ""
	}
	if d.Dialect() != dialect.SQLite {
		d.TenantsDir = ""
	}
}

// serveNobody leaves out what is for requests and for what runs in the background.
func (c *Config) serveNobody() {
	c.Database.ReplicaURLs, c.Database.GlobalFile = nil, ""
	c.Migrations.AtStart, c.Migrations.Require = false, ""
	c.Tenants.WarmPool, c.Cache.Warm = 0, 0 // spares are taken, and made by the application
	c.Resolution, c.JWT, c.RateLimit, c.Envelope = manager.ResolutionConfig{}, manager.JWTConfig{}, manager.RateLimitConfig{}, manager.EnvelopeConfig{}
	c.Observe = manager.ObserveConfig{NoLog: true}
	c.Audit.Sinks = []manager.AuditSink{manager.AuditSinkRegistry} // the application's log is elsewhere
}

// fromDSN returns the URL of a data source name of go-sql-driver, and anything else
// as it is.
func fromDSN(address tenancy.Secret) tenancy.Secret {
	text := address.Reveal()
	dsn, ok := mysqldsn.Parse(text)
	config, err := mysql.ParseDSN(text)
	if !ok || err != nil || isURL(text) || !strings.HasPrefix(dsn.Server, "tcp(") {
		return address
	}
	at := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName, RawQuery: strings.TrimPrefix(dsn.Parameters, "?")}
	return tenancy.NewSecret(at.String())
}

// isURL tells a URL from a data source name, whose password may look like part of one.
func isURL(address string) bool {
	scheme, _, found := strings.Cut(address, "://")
	return found && slices.Contains([]string{"postgres", "postgresql", "mysql", "mariadb", "sqlite", "file"}, scheme)
}

// errNoDatabase says what is missing.
var errNoDatabase = errors.New("no database: set TENANCY_DATABASE_URL or --database-url")

// TenantColumns are the columns with the tenant's id.
func (c *Config) TenantColumns() []string { return list(c.TenantColumn) }

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
	var secrets []string
	for _, key := range append(slices.Clone(c.Encryption.OldKeys), c.Encryption.Key) {
		secrets = append(secrets, key.Reveal())
	}
	for _, address := range []tenancy.Secret{c.Database.URL, c.Database.AdminURL, c.Database.SystemURL, c.Isolation.ServerURL, c.Redis.URL} {
		if u, err := url.Parse(address.Reveal()); err == nil && u.User != nil {
			password, _ := u.User.Password()
			secrets = append(secrets, password)
		}
	}
	return secrets
}

// userOf returns the user of a URL, empty if it names none.
func userOf(address tenancy.Secret) string {
	u, err := url.Parse(address.Reveal())
	if err != nil || u.User == nil {
		return ""
	}
	return u.User.Username()
}
