package manager_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

const postgresURL = "postgres://app:hunter2@db:5432/shop"

func TestFromEnvReadsEveryKindOfSetting(t *testing.T) {
	for name, value := range map[string]string{
		"TENANCY_DATABASE_URL":           postgresURL,
		"TENANCY_DATABASE_REPLICA_URLS":  "postgres://a/x, postgres://b/x",
		"TENANCY_DATABASE_POOL_SIZE":     "7",
		"TENANCY_DATABASE_POOL_RECYCLE":  "90s",
		"TENANCY_ISOLATION_DEFAULT":      "schema",
		"TENANCY_RESOLUTION_STRATEGIES":  "header, jwt",
		"TENANCY_RESOLUTION_AGREE":       "true",
		"TENANCY_RATE_LIMIT_PLANS":       "gold:1000,free:10",
		"TENANCY_ISOLATION_PREMIUM":      "",
		"TENANCY_CLI_MIGRATE_TARGET":     "is the operator's tool's",
		"TENANCY_RESOLUTION_PATH_PREFIX": "/t",
	} {
		t.Setenv(name, value)
	}
	c, err := manager.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Database.URL.Reveal(); got != postgresURL {
		t.Errorf("URL is %q", got)
	}
	if len(c.Database.ReplicaURLs) != 2 || c.Database.ReplicaURLs[1].Reveal() != "postgres://b/x" {
		t.Errorf("ReplicaURLs are %d", len(c.Database.ReplicaURLs))
	}
	if c.Database.PoolSize != 7 || c.Database.PoolRecycle != 90*time.Second || !c.Resolution.Agree || c.Isolation.Premium != "" {
		t.Errorf("got %+v %+v", c.Database, c.Resolution)
	}
	if want := []manager.Strategy{manager.StrategyHeader, manager.StrategyJWT}; !slices.Equal(c.Resolution.Strategies, want) {
		t.Errorf("Strategies are %v", c.Resolution.Strategies)
	}
	if c.RateLimit.Plans["gold"] != 1000 || c.RateLimit.Plans["free"] != 10 {
		t.Errorf("Plans are %v", c.RateLimit.Plans)
	}
}

func TestFromEnvReportsAllThatCannotBeRead(t *testing.T) {
	t.Setenv("TENANCY_DATABASE_POOL_SIZE", "s3cr3t")
	t.Setenv("TENANCY_CACHE_TTL", "s3cr3t")
	t.Setenv("TENANCY_RESOLUTION_AGREE", "s3cr3t")
	t.Setenv("TENANCY_RATE_LIMIT_PLANS", "s3cr3t")
	t.Setenv("TENANCY_DATABSE_URL", "s3cr3t")
	_, err := manager.FromEnv()
	var config *manager.ConfigError
	if !errors.As(err, &config) || len(config.Problems) != 5 {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"TENANCY_DATABASE_POOL_SIZE (Config.Database.PoolSize) is not a whole number",
		"TENANCY_CACHE_TTL (Config.Cache.TTL) is not a time such as 30s or 5m",
		"TENANCY_RESOLUTION_AGREE (Config.Resolution.Agree) is not true or false",
		"TENANCY_RATE_LIMIT_PLANS (Config.RateLimit.Plans) is not a list such as gold:1000,free:10",
		"TENANCY_DATABSE_URL is not a setting",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "s3cr3t") {
		t.Errorf("the error holds a value: %v", err)
	}
}

// TestEveryFieldHasAVariable also holds the names apart.
func TestEveryFieldHasAVariable(t *testing.T) {
	t.Parallel()
	seen := make(map[string]string)
	for _, f := range manager.Fields() {
		if strings.HasSuffix(f.Env, "_") || seen[f.Env] != "" {
			t.Errorf("%s has the variable %q, like %q", f.Path, f.Env, seen[f.Env])
		}
		seen[f.Env] = f.Path
	}
	if len(seen) < 60 {
		t.Errorf("only %d fields", len(seen))
	}
}

// valid is a configuration without a problem.
func valid() manager.Config {
	return manager.Config{Database: manager.DatabaseConfig{URL: tenancy.NewSecret(postgresURL)}}
}

func TestValidateAcceptsWhatCanBeMeant(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*manager.Config){
		"only a URL": func(*manager.Config) {},
		"sqlite":     func(c *manager.Config) { c.Database.URL = tenancy.NewSecret("sqlite:shop.db") },
		"mysql, premium databases": func(c *manager.Config) {
			c.Database.URL = tenancy.NewSecret("mysql://root@127.0.0.1/shop")
			c.Isolation = manager.IsolationConfig{Premium: tenancy.IsolationDatabase, PremiumPlans: []string{"gold"}}
		},
		"a search path that leads on": func(c *manager.Config) {
			c.Database.URL, c.Database.GlobalSchema = tenancy.NewSecret("postgres://shop@db/shop?search_path=%22App%22,public"), "App"
			c.Database.AdminURL = tenancy.NewSecret("postgres://owner@db/shop?search_path=registry")
		},
		"the address alone from proxies": func(c *manager.Config) { c.Resolution.Forwarding = "x-forwarded-for" },
		"jwt by secret": func(c *manager.Config) {
			c.Resolution.Strategies = []manager.Strategy{manager.StrategyJWT}
			c.JWT = manager.JWTConfig{Secret: tenancy.NewSecret(strings.Repeat("k", 32)), Audience: "shop"}
		},
	} {
		c := valid()
		change(&c)
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestValidateRefuses has what the reference system's tests ask for, and what they forget.
func TestValidateRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		want   string // the variable, and part of the reason
		change func(*manager.Config)
	}{
		{"DATABASE_URL is missing", func(c *manager.Config) { c.Database.URL = tenancy.Secret{} }},
		{"DATABASE_URL is not a URL", func(c *manager.Config) { c.Database.URL = tenancy.NewSecret("oracle://hunter2") }},
		{"DATABASE_ADMIN_URL is of another kind", func(c *manager.Config) { c.Database.AdminURL = tenancy.NewSecret("mysql://hunter2@x/y") }},
		{"DATABASE_SYSTEM_URL is not a URL", func(c *manager.Config) { c.Database.SystemURL = tenancy.NewSecret("hunter2") }},
		{"DATABASE_REPLICA_URLS has a URL", func(c *manager.Config) { c.Database.ReplicaURLs = []tenancy.Secret{tenancy.NewSecret("sqlite:x")} }},
		{"DATABASE_URL has a search_path", func(c *manager.Config) {
			c.Database.URL, c.Database.GlobalSchema = tenancy.NewSecret("postgres://shop@db/shop?search_path=public,app"), "app"
		}},
		{"DATABASE_SYSTEM_URL has a search_path", func(c *manager.Config) {
			c.Database.SystemURL, c.Database.GlobalSchema = tenancy.NewSecret("postgres://system@db/shop?Search_Path=App"), "App"
		}},
		{"DATABASE_REPLICA_URLS has a search_path", func(c *manager.Config) {
			c.Database.ReplicaURLs, c.Database.GlobalSchema = []tenancy.Secret{tenancy.NewSecret("postgres://shop@db/shop?search_path=%22App%22")}, "app"
		}},
		{"DATABASE_GLOBAL_FILE is for SQLite", func(c *manager.Config) { c.Database.GlobalFile = "x" }},
		{"DATABASE_POOL_SIZE is negative", func(c *manager.Config) { c.Database.PoolSize = -1 }},
		{"CACHE_TTL is negative", func(c *manager.Config) { c.Cache.TTL = -1 }},
		{"DATABASE_URL names its user", func(c *manager.Config) {
			c.Database.URL = tenancy.NewSecret("postgres://db/shop?user=shop&password=hunter2")
		}},
		{"DATABASE_ADMIN_URL names its user", func(c *manager.Config) {
			c.Database.AdminURL = tenancy.NewSecret("postgresql://owner@db/shop?sslmode=require&password=hunter2")
		}},
		{"DATABASE_SYSTEM_URL names its user", func(c *manager.Config) {
			c.Database.SystemURL = tenancy.NewSecret("postgres://system:hunter2@db?dbname=shop")
		}},
		{"ISOLATION_SERVER_URL names its user", func(c *manager.Config) {
			c.Isolation.ServerURL = tenancy.NewSecret("postgres://owner:hunter2@db?database=postgres")
		}},
		{"ISOLATION_DEFAULT is not shared", func(c *manager.Config) { c.Isolation.Default = "hybrid" }},
		{"ISOLATION_DEFAULT is rls", func(c *manager.Config) {
			c.Database.URL, c.Isolation.Default = tenancy.NewSecret("sqlite:x"), tenancy.IsolationRLS
		}},
		{"ISOLATION_PREMIUM is nobody's", func(c *manager.Config) { c.Isolation.Premium = tenancy.IsolationSchema }},
		{"ISOLATION_PREMIUM is the same", func(c *manager.Config) { c.Isolation.PremiumPlans = []string{"gold"} }},
		{"ISOLATION_PREMIUM_TENANTS has an entry", func(c *manager.Config) {
			c.Isolation.Premium, c.Isolation.PremiumTenants = tenancy.IsolationSchema, []string{"no identifier"}
		}},
		{"ISOLATION_PREFIX is not up to 20", func(c *manager.Config) { c.Isolation.Prefix = "Tenant-" }},
		{"ISOLATION_PREFIX is not up to 20", func(c *manager.Config) { c.Isolation.Prefix = "tenant\n" }},
		{"ISOLATION_PREFIX is not up to 20", func(c *manager.Config) { c.Isolation.Prefix = strings.Repeat("t", 21) }},
		{"ISOLATION_SERVER_URL is not a URL", func(c *manager.Config) { c.Isolation.ServerURL = tenancy.NewSecret("mysql://hunter2@x/y") }},
		{"RESOLUTION_FORWARDING is not", func(c *manager.Config) { c.Resolution.Forwarding = "hunter2" }},
		{"RATE_LIMIT_METADATA_KEY is without", func(c *manager.Config) { c.RateLimit.MetadataKey = "rate" }},
		{"RESOLUTION_STRATEGIES has an entry", func(c *manager.Config) { c.Resolution.Strategies = []manager.Strategy{"magic"} }},
		{"RESOLUTION_DOMAIN_SUFFIX is missing", func(c *manager.Config) { c.Resolution.Strategies = []manager.Strategy{"subdomain"} }},
		{"RESOLUTION_AGREE needs two", func(c *manager.Config) { c.Resolution.Agree = true }},
		{"RESOLUTION_TRUSTED_PROXIES has an entry", func(c *manager.Config) { c.Resolution.TrustedProxies = []string{"10.0.0.1"} }},
		{"JWT_SECRET is missing", jwt(manager.JWTConfig{Audience: "shop"})},
		{"JWT_SECRET is shorter", jwt(manager.JWTConfig{Secret: tenancy.NewSecret("hunter2"), Audience: "shop"})},
		{"JWT_AUDIENCE is missing", jwt(manager.JWTConfig{PublicKey: "pem"})},
		{"JWT_ALGORITHMS has none", jwt(manager.JWTConfig{PublicKey: "pem", AnyAudience: true, Algorithms: []string{"none"}})},
		{"JWT_ALGORITHMS has one that does not go", jwt(manager.JWTConfig{PublicKey: "pem", AnyAudience: true, Algorithms: []string{"HS256"}})},
		{"JWT_JWKS_URL is not a URL", jwt(manager.JWTConfig{JWKSURL: "hunter2", AnyAudience: true})},
		{"ENCRYPTION_KEY has a passphrase", func(c *manager.Config) { c.Encryption.Key = tenancy.NewSecret("hunter2") }},
		{"ENCRYPTION_KEY is missing", func(c *manager.Config) {
			c.Encryption.OldKeys = []tenancy.Secret{tenancy.NewSecret(strings.Repeat("k", 32))}
		}},
		{"ENCRYPTION_KEY is missing: Encryption.RefusePlaintext", func(c *manager.Config) { c.Encryption.RefusePlaintext = true }},
		{"ENVELOPE_KEY is shorter", func(c *manager.Config) { c.Envelope.Key = tenancy.NewSecret("hunter2") }},
		{"REDIS_URL is not a URL", func(c *manager.Config) { c.Redis.URL = tenancy.NewSecret("hunter2") }},
		{"RATE_LIMIT_WHEN_REDIS_IS_AWAY is not", func(c *manager.Config) { c.RateLimit.WhenRedisIsAway = "pray" }},
		{"RATE_LIMIT_PLANS is without", func(c *manager.Config) { c.RateLimit.Plans = map[string]int{"gold": 1} }},
		{"RATE_LIMIT_PLANS has a limit", func(c *manager.Config) {
			c.RateLimit.Requests, c.RateLimit.Plans = 1, map[string]int{"gold": 0}
		}},
		{"AUDIT_SINKS has an entry", func(c *manager.Config) { c.Audit.Sinks = []manager.AuditSink{"stone"} }},
		{"TENANTS_DEFAULT_STATUS is not", func(c *manager.Config) { c.Tenants.DefaultStatus = tenancy.StatusDeleted }},
		{"TENANTS_WARM_POOL is for", func(c *manager.Config) { c.Tenants.WarmPool = 1 }},
		{"MIGRATIONS_STATEMENT_TIMEOUT is for", func(c *manager.Config) {
			c.Database.URL, c.Migrations.StatementTimeout = tenancy.NewSecret("sqlite:x"), 1
		}},
	} {
		c := valid()
		test.change(&c)
		err := c.Validate()
		variable, reason, _ := strings.Cut(test.want, " ")
		if !names(err, variable, reason) {
			t.Errorf("want %s, got %v", test.want, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error holds a secret: %v", err)
		}
	}
}

// names reports whether an error is of a variable, for a reason that begins so.
func names(err error, variable, reason string) bool {
	var found *manager.ConfigError
	return errors.As(err, &found) && slices.ContainsFunc(found.Problems, func(p manager.Problem) bool {
		return p.Env == "TENANCY_"+variable && strings.HasPrefix(p.Reason, reason)
	})
}

func jwt(j manager.JWTConfig) func(*manager.Config) {
	return func(c *manager.Config) { c.Resolution.Strategies, c.JWT = []manager.Strategy{manager.StrategyJWT}, j }
}

func TestConfigShowsNoSecret(t *testing.T) {
	t.Parallel()
	c := valid()
	c.Database.ReplicaURLs = []tenancy.Secret{c.Database.URL}
	c.Redis.URL, c.JWT.Secret, c.Encryption.Key, c.Envelope.Key = c.Database.URL, c.Database.URL, c.Database.URL, c.Database.URL
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v", c), fmt.Sprintf("%#v", c), c.LogValue().String()} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("shows a secret: %s", text)
		}
	}
}
