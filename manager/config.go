package manager

//go:generate go run ./internal/configdoc config.go ../docs/configuration.md

import (
	"log/slog"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// Config is what an operator decides about an application: where its databases
// are, how tenants are kept apart and found, what they may use. Every field can
// come from the environment, see [FromEnv]; docs/configuration.md lists them
// all. What only the program can say is in [App].
//
// Printed or logged, it shows no secret.
type Config struct {
	Database   DatabaseConfig   `envPrefix:"DATABASE_"`
	Isolation  IsolationConfig  `envPrefix:"ISOLATION_"`
	Pools      PoolsConfig      `envPrefix:"TENANT_POOLS_"`
	Tenants    TenantsConfig    `envPrefix:"TENANTS_"`
	Migrations MigrationsConfig `envPrefix:"MIGRATIONS_"`
	Redis      RedisConfig      `envPrefix:"REDIS_"`
	Cache      CacheConfig      `envPrefix:"CACHE_"`
	Encryption EncryptionConfig `envPrefix:"ENCRYPTION_"`
	Resolution ResolutionConfig `envPrefix:"RESOLUTION_"`
	JWT        JWTConfig        `envPrefix:"JWT_"`
	RateLimit  RateLimitConfig  `envPrefix:"RATE_LIMIT_"`
	Audit      AuditConfig      `envPrefix:"AUDIT_"`
	Envelope   EnvelopeConfig   `envPrefix:"ENVELOPE_"`
	Observe    ObserveConfig    `envPrefix:"OBSERVE_"`
}

// DatabaseConfig says where the home database is, with the shared tables, the
// schemas of tenants and the registry, and how to connect to it.
type DatabaseConfig struct {
	// URL reaches the home as the role that serves requests:
	// postgres://app:secret@db:5432/shop, mysql://app:secret@db:3306/shop or
	// sqlite:///var/lib/shop/shop.db. Required.
	URL tenancy.Secret `env:"URL"`
	// AdminURL reaches the home as the role that owns the tables, for
	// migrations, provisioning and the registry. Defaults to [DatabaseConfig.URL]: SQL of
	// a tenant could then read and change the registry.
	AdminURL tenancy.Secret `env:"ADMIN_URL"`
	// SystemURL reaches the home as a role that sees the rows of all tenants,
	// for System scopes: on PostgreSQL one with BYPASSRLS, with the grants of the one
	// that serves. Where row-level security keeps tenants apart, or would show the role of
	// [DatabaseConfig.URL] no rows of a shared table, they are refused without. Elsewhere it
	// defaults to [DatabaseConfig.URL].
	SystemURL tenancy.Secret `env:"SYSTEM_URL"`
	// ReplicaURLs reach read-only copies of the home, for queries under driver.Replica.
	// A role there has to be held as that of [DatabaseConfig.URL] is, and is best the
	// same one. A copy that is no standby needs the policies, too, and is migrated before
	// the home. Start refuses those that do not hold, and the home answers for those that
	// are away. Defaults to none.
	ReplicaURLs []tenancy.Secret `env:"REPLICA_URLS"`
	// PoolSize is how many connections to the home are kept open, and how many there may
	// be by which requests ask the registry: for tenants, domains, quotas, and the audit's
	// table. Defaults to 20. On SQLite it has effect on the latter alone.
	PoolSize int `env:"POOL_SIZE"`
	// MaxOverflow is how many more are opened while they are needed. So a process has up to
	// [DatabaseConfig.PoolSize] and [DatabaseConfig.MaxOverflow] together for each of
	// [DatabaseConfig.URL], [DatabaseConfig.SystemURL] and [DatabaseConfig.ReplicaURLs],
	// [DatabaseConfig.PoolSize] for the registry, and beside them those of its own work, which
	// have no limit: one that listens for changes on PostgreSQL, one or two for each tenant
	// that is being provisioned or changed, and those of migrations. Defaults to 40.
	MaxOverflow int `env:"MAX_OVERFLOW"`
	// ConnectTimeout is how long connecting may take. Defaults to 30s.
	ConnectTimeout time.Duration `env:"CONNECT_TIMEOUT"`
	// PoolRecycle is how long a connection is used before another takes its
	// place. Defaults to 1h.
	PoolRecycle time.Duration `env:"POOL_RECYCLE"`
	// GlobalSchema is the PostgreSQL schema of the global and shared tables, and of the
	// tables in databases that tenants have of their own. Where it is set, connections that
	// serve find tables there and nowhere else; extensions of other schemas too only with a
	// search_path in their address that begins with it, such as search_path=app,extensions. The
	// registry is where the search path of [DatabaseConfig.AdminURL] leads. PgBouncer has
	// to track search_path (from PostgreSQL 18 on), or to ignore that of its clients where
	// the roles that serve have it by ALTER ROLE. Defaults to "public", and to the search
	// path of each address and role for requests. On other databases it must be empty.
	GlobalSchema string `env:"GLOBAL_SCHEMA"`
	// Unnamed does without prepared statements, for PgBouncer before 1.21.
	// PostgreSQL only.
	Unnamed bool `env:"UNNAMED"`
	// GlobalFile is the SQLite file of the global tables, which is attached to the
	// files of tenants so that they can read them. It must hold no table of tenants. The
	// home's file may be it, where all tenants have files of their own: then SQL of a
	// tenant reads the registry too. Another file is made and migrated by the program or
	// the Atlas CLI, and not here: leave out shared migrations then. Defaults to none:
	// tenants with files of their own reach no global tables.
	GlobalFile string `env:"GLOBAL_FILE"`
	// TenantsDir is the directory of the SQLite files of tenants.
	// Defaults to "tenants" beside the home's file.
	TenantsDir string `env:"TENANTS_DIR"`
}

// IsolationConfig is the isolation of tenants whose record has none, and of new ones.
type IsolationConfig struct {
	// Default is `shared`, `rls`, `schema` or `database`. Defaults to rls on PostgreSQL
	// and to shared elsewhere.
	Default tenancy.Isolation `env:"DEFAULT"`
	// Premium is that of new tenants that have bought more. Defaults to [IsolationConfig.Default].
	Premium tenancy.Isolation `env:"PREMIUM"`
	// PremiumPlans are the plans of tenants that get [IsolationConfig.Premium], unless
	// they have registered by themselves.
	PremiumPlans []string `env:"PREMIUM_PLANS"`
	// PremiumTenants are identifiers of tenants that get it whatever their plan, with
	// the same exception.
	PremiumTenants []string `env:"PREMIUM_TENANTS"`
	// Prefix begins the names of schemas and databases that are made for tenants:
	// lower-case letters, digits and underscores, up to 20. Defaults to "tenant_".
	Prefix string `env:"PREFIX"`
	// ServerURL is the server on which databases of new tenants are made, as a
	// role with CREATEDB, and a database of its own to connect to. Defaults to
	// [DatabaseConfig.AdminURL]. Tenants are served as the user of [DatabaseConfig.URL].
	ServerURL tenancy.Secret `env:"SERVER_URL"`
}

// PoolsConfig rations connections to the databases that tenants have of their own.
type PoolsConfig struct {
	// MaxConns is how many connections there may be to one server, of all
	// tenants. Defaults to 80.
	MaxConns int `env:"MAX_CONNS"`
	// MaxConnsPerTenant is how many of them one tenant may have. Defaults to 8.
	MaxConnsPerTenant int `env:"MAX_CONNS_PER_TENANT"`
	// MaxIdleTime is after how long without use a connection is closed.
	// Defaults to 5m.
	MaxIdleTime time.Duration `env:"MAX_IDLE_TIME"`
	// MaxPools is how many tenants' pools are kept. Defaults to 10000.
	MaxPools int `env:"MAX_POOLS"`
}

// TenantsConfig says who may become a tenant.
type TenantsConfig struct {
	// Max is how many tenants there may be. Defaults to 0, which is no limit.
	Max int `env:"MAX"`
	// AllowRegistration opens [Manager.Register] to strangers.
	AllowRegistration bool `env:"ALLOW_REGISTRATION"`
	// DefaultStatus is that of a tenant when it is provisioned: active, or
	// suspended if somebody has to look first. Defaults to active.
	DefaultStatus tenancy.Status `env:"DEFAULT_STATUS"`
	// WarmPool is how many places for new tenants are made beforehand.
	// Defaults to 0.
	WarmPool int `env:"WARM_POOL"`
}

// MigrationsConfig says where migrations are, unless the program brings them,
// and how they run.
type MigrationsConfig struct {
	// Dir is the directory of migrations, as package migrate/diff writes it: with tenant
	// in it, and shared for the home. It may also be tenant itself, or a directory of
	// files for both. Defaults to App.Migrations.
	Dir string `env:"DIR"`
	// SharedDir is the directory of the migrations of the home. Defaults to shared in [MigrationsConfig.Dir] or
	// beside it, or else to App.SharedMigrations.
	SharedDir string `env:"SHARED_DIR"`
	// Concurrency is how many tenants on one server are migrated at once.
	// Defaults to the machine's processors, up to 4.
	Concurrency int `env:"CONCURRENCY"`
	// LockTimeout is how long a statement waits for a table. Defaults to 2s.
	LockTimeout time.Duration `env:"LOCK_TIMEOUT"`
	// StatementTimeout is how long a statement may take. PostgreSQL only.
	// Defaults to what the server has set.
	StatementTimeout time.Duration `env:"STATEMENT_TIMEOUT"`
	// MaxFailures is after how many failures no more tenants are begun.
	// Defaults to 0, which is never.
	MaxFailures int `env:"MAX_FAILURES"`
	// AtStart migrates the home and all tenants when the program starts.
	AtStart bool `env:"AT_START"`
	// Require is the version that a tenant's tables need to have, or it is not
	// served: latest for that of the last file. Defaults to none.
	Require string `env:"REQUIRE"`
}

// RedisConfig says where Redis is, which caches and limits share between processes.
type RedisConfig struct {
	// URL is `redis://user:secret@host:6379/0`, or `rediss://` for TLS.
	// Defaults to none: caches and limits are each process's own.
	URL tenancy.Secret `env:"URL"`
	// Prefix begins all keys. Registries that share it keep their records apart, but a copy
	// of one on another server, such as a staging environment's from a backup, needs another
	// prefix, and so do applications whose tenants have the same ids and are limited. Defaults
	// to "tenancy".
	Prefix string `env:"PREFIX"`
}

// CacheConfig says how long the registry's records are remembered.
type CacheConfig struct {
	// Disabled asks the registry anew for each request. Other processes hear of changes all the same.
	Disabled bool `env:"DISABLED"`
	// Size is how many tenants a process remembers. Defaults to 10000.
	Size int `env:"SIZE"`
	// TTL is how long it does; a change is heard of sooner. Defaults to 1m.
	TTL time.Duration `env:"TTL"`
	// RedisTTL is how long Redis does. Defaults to 10m.
	RedisTTL time.Duration `env:"REDIS_TTL"`
	// Warm is how many tenants are read when the program starts. Defaults to 0.
	Warm int `env:"WARM"`
}

// EncryptionConfig says how the registry's secrets are encrypted.
type EncryptionConfig struct {
	// Key is a passphrase of 32 or more random characters. Defaults to none:
	// secrets are kept as they are.
	Key tenancy.Secret `env:"KEY"`
	// OldKeys are other passphrases, for reading. To change the key without downtime,
	// first deploy the new one here while [EncryptionConfig.Key] is the old one, so that every
	// process can read it; then the new one as [EncryptionConfig.Key] and the old one here;
	// then call [Operator.Reencrypt], and take the old one out. Defaults to none.
	OldKeys []tenancy.Secret `env:"OLD_KEYS"`
	// RefusePlaintext takes a tenant for broken that has a secret in plaintext, so that
	// who can write to the registry's table, and has no key, cannot put one in. Set it
	// once [Operator.Reencrypt] has encrypted what was there before [EncryptionConfig.Key].
	RefusePlaintext bool `env:"REFUSE_PLAINTEXT"`
}

// ResolutionConfig says how a request names its tenant.
type ResolutionConfig struct {
	// Strategies are `header`, `subdomain`, `path`, `jwt`, `cookie`, `query`, `host` or `custom`,
	// in the order in which they are asked. What anybody can send is no proof: jwt
	// beside others than custom needs [ResolutionConfig.Agree] or App.Authorize.
	// Defaults to header.
	Strategies []Strategy `env:"STRATEGIES"`
	// Agree refuses requests whose strategies do not all name one and the same tenant.
	// Otherwise the first that names one decides.
	Agree bool `env:"AGREE"`
	// Header is the header of strategy header. Defaults to X-Tenant-ID.
	Header string `env:"HEADER"`
	// DomainSuffix is what follows the identifier for strategy subdomain, as
	// example.com. Required for it.
	DomainSuffix string `env:"DOMAIN_SUFFIX"`
	// ReservedLabels are subdomains that are no tenant's, beside www and api.
	ReservedLabels []string `env:"RESERVED_LABELS"`
	// PathPrefix is what precedes the identifier for strategy path.
	// Defaults to /tenants.
	PathPrefix string `env:"PATH_PREFIX"`
	// Cookie is the cookie of strategy cookie. Defaults to tenant.
	Cookie string `env:"COOKIE"`
	// QueryParameter is the parameter of strategy query. Defaults to tenant.
	QueryParameter string `env:"QUERY_PARAMETER"`
	// ExcludedPaths are patterns of [net/http.ServeMux] that are served without a
	// tenant, as /health and /static/. Defaults to none.
	ExcludedPaths []string `env:"EXCLUDED_PATHS"`
	// TrustedProxies are the networks of proxies whose forwarded headers count,
	// as 10.0.0.0/8. Defaults to none.
	TrustedProxies []string `env:"TRUSTED_PROXIES"`
	// Forwarding says which headers those proxies set: `x-forwarded-for` for the
	// client's address alone, `x-forwarded` for X-Forwarded-Host too, which the
	// proxy then has to set or remove in every request, or `rfc7239` for Forwarded.
	// Defaults to x-forwarded-for.
	Forwarding string `env:"FORWARDING"`
}

// JWTConfig says which tokens strategy jwt takes. One of [JWTConfig.Secret],
// [JWTConfig.PublicKey] and [JWTConfig.JWKSURL] is required for it.
type JWTConfig struct {
	// Secret is the key of HS256, HS384 and HS512: 32 or more bytes.
	Secret tenancy.Secret `env:"SECRET"`
	// PublicKey is the key of the other algorithms, as PEM.
	PublicKey string `env:"PUBLIC_KEY"`
	// JWKSURL is where the issuer publishes its keys: an address with https.
	JWKSURL string `env:"JWKS_URL"`
	// Algorithms are those that are taken. Defaults to the usual one of the key:
	// HS256, RS256, the one of the curve, or EdDSA.
	Algorithms []string `env:"ALGORITHMS"`
	// IDClaim is the claim with the tenant's id. Prefer it to
	// [JWTConfig.TenantClaim]: an identifier can become another tenant's, an id
	// cannot. Defaults to none.
	IDClaim string `env:"ID_CLAIM"`
	// TenantClaim is the claim with the tenant's identifier. Defaults to tenant_id,
	// and to none with [JWTConfig.IDClaim]. If both are set it is for tokens without
	// the other.
	TenantClaim string `env:"TENANT_CLAIM"`
	// Audience is who the token has to be for. Required, unless [JWTConfig.AnyAudience].
	Audience string `env:"AUDIENCE"`
	// AnyAudience takes tokens that were made for anybody.
	AnyAudience bool `env:"ANY_AUDIENCE"`
	// Issuer is who has to have made it. Defaults to anybody with the key.
	Issuer string `env:"ISSUER"`
	// Leeway is by how much clocks may differ. Defaults to 0s.
	Leeway time.Duration `env:"LEEWAY"`
}

// RateLimitConfig says how many requests a tenant may make.
type RateLimitConfig struct {
	// Requests is how many in a [RateLimitConfig.Window]. Defaults to 0, which is no limit.
	Requests int `env:"REQUESTS"`
	// Window is the time for them. Defaults to 1m.
	Window time.Duration `env:"WINDOW"`
	// Burst is how many at once. Defaults to [RateLimitConfig.Requests].
	Burst int `env:"BURST"`
	// Plans are how many for tenants of a plan, as `gold:1000,free:10`. Defaults to none.
	Plans map[string]int `env:"PLANS"`
	// MetadataKey is the key of a tenant's metadata that holds a limit of its
	// own, as 100/1m. Defaults to none.
	MetadataKey string `env:"METADATA_KEY"`
	// WhenRedisIsAway is `local`, to limit in each process by itself, `open`, to let
	// all pass, or `closed`, to let none. Defaults to local.
	WhenRedisIsAway ratelimit.Away `env:"WHEN_REDIS_IS_AWAY"`
	// Probes is how many requests in a [RateLimitConfig.Window] for tenants that do not exist one
	// client address may make. Defaults to 0, which is no limit.
	Probes int `env:"PROBES"`
}

// AuditConfig says what becomes of the audit's entries.
type AuditConfig struct {
	// Disabled records none.
	Disabled bool `env:"DISABLED"`
	// Sinks are `log`, for App.Logger, and `registry`, for a table in the registry's
	// database. Defaults to log.
	Sinks []AuditSink `env:"SINKS"`
}

// EnvelopeConfig says how tenants are carried through queues.
type EnvelopeConfig struct {
	// Key signs envelopes: 32 or more bytes. Defaults to none: there are none.
	Key tenancy.Secret `env:"KEY"`
	// OldKeys are other keys, for opening. To change the key without losing jobs, first
	// deploy the new one here while [EnvelopeConfig.Key] is the old one, so that every process
	// can open what is sealed with it; then the new one as [EnvelopeConfig.Key] and the old one
	// here; and take the old one out when what was sealed with it has expired, after
	// [EnvelopeConfig.TTL]. Defaults to none.
	OldKeys []tenancy.Secret `env:"OLD_KEYS"`
	// TTL is how long an envelope is good. Defaults to 24h.
	TTL time.Duration `env:"TTL"`
	// System opens envelopes of [tenancy.System] scopes.
	System bool `env:"SYSTEM"`
}

// ObserveConfig says what is told about what happens.
type ObserveConfig struct {
	// NoLog keeps statements, requests and System scopes out of App.Logger.
	NoLog bool `env:"NO_LOG"`
	// SlowStatement is from which time on statements are logged as slow, with
	// the tenant and without arguments. Others are at debug level. Defaults to 200ms.
	SlowStatement time.Duration `env:"SLOW_STATEMENT"`
	// NoSQL keeps the text of statements out of the log.
	NoSQL bool `env:"NO_SQL"`
	// SQLComment adds the tenant to each statement as a comment, for the
	// database's own logs and statistics. It costs PostgreSQL about 30 µs a statement.
	SQLComment bool `env:"SQL_COMMENT"`
	// NoMetrics keeps no counts.
	NoMetrics bool `env:"NO_METRICS"`
	// MetricsTenants is how many tenants are counted by name, the busiest.
	// Defaults to 100.
	MetricsTenants int `env:"METRICS_TENANTS"`
	// MigrationsEvery is how often it is looked how many tenants lack a
	// migration. Defaults to 5m.
	MigrationsEvery time.Duration `env:"MIGRATIONS_EVERY"`
}

// Strategy is a way in which a request names its tenant.
type Strategy string

// The strategies.
const (
	StrategyHeader    Strategy = "header"
	StrategySubdomain Strategy = "subdomain"
	StrategyPath      Strategy = "path"
	StrategyJWT       Strategy = "jwt"
	StrategyCookie    Strategy = "cookie"
	StrategyQuery     Strategy = "query"
	// StrategyHost asks [App].Domains, or else the registry's.
	StrategyHost Strategy = "host"
	// StrategyCustom asks [App].Resolver.
	StrategyCustom Strategy = "custom"
)

// AuditSink is where the audit's entries go.
type AuditSink string

// The sinks.
const (
	AuditSinkLog      AuditSink = "log"
	AuditSinkRegistry AuditSink = "registry"
)

// LogValue implements [slog.LogValuer]: where the home is and how tenants are
// kept apart, without a secret.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("database", c.Database.Dialect()),
		slog.String("isolation", string(c.Isolation.Default)),
		slog.Any("strategies", c.Resolution.Strategies),
		slog.Bool("redis", !c.Redis.URL.IsZero()),
	)
}
