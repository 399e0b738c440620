package manager

import (
	"cmp"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/ratelimit"
)

// Validate reports everything that cannot be meant, as a [ConfigError]. New does
// so too.
func (c Config) Validate() error {
	if found := c.withDefaults().problems(); len(found) > 0 {
		return &ConfigError{Problems: found}
	}
	return nil
}

// checks collects problems.
type checks []Problem

// refuse adds a problem of a field if it is one.
func (c *checks) refuse(wrong bool, path, reason string) {
	if wrong {
		*c = append(*c, Problem{Path: path, Env: envOf(path), Reason: reason})
	}
}

// refuseLogin adds a problem of a URL that says in its query who connects.
func (c *checks) refuseLogin(address tenancy.Secret, path string) {
	c.refuse(loginInQuery(address), path, "names its user, password or database in the query: write them as in postgres://user:password@host:5432/database")
}

func (c Config) problems() []Problem {
	var found checks
	c.checkDatabase(&found)
	c.checkIsolation(&found)
	c.checkResolution(&found)
	c.checkJWT(&found)
	c.checkKeys(&found)
	c.checkRateLimit(&found)
	c.checkTenants(&found)
	c.checkNumbers(&found)
	order := make(map[string]int)
	for i, f := range Fields() {
		order[f.Path] = i
	}
	slices.SortStableFunc(found, func(a, b Problem) int { return cmp.Compare(order[a.Path], order[b.Path]) })
	return found
}

// wrongPath is what is wrong with an address by which tables are not found where they are.
const wrongPath = "has a search_path that does not begin with Database.GlobalSchema: leave it out, or begin it with that schema"

func (c Config) checkDatabase(found *checks) {
	d := c.Database
	found.refuse(d.URL.IsZero(), "Database.URL", "is missing: it says where the database is")
	for path, secret := range map[string]tenancy.Secret{"Database.URL": d.URL, "Database.AdminURL": d.AdminURL, "Database.SystemURL": d.SystemURL} {
		if path != "Database.URL" && secret.Equal(d.URL) {
			continue // by default
		}
		wrong := !secret.IsZero() && dialectOf(secret) == ""
		found.refuse(wrong, path, "is not a URL of postgres, mysql or sqlite, such as postgres://user:password@host:5432/database")
		found.refuse(!wrong && !secret.IsZero() && dialectOf(secret) != dialectOf(d.URL), path, "is of another kind of database than Database.URL")
		found.refuseLogin(secret, path)
		found.refuse(path != "Database.AdminURL" && leadsElsewhere(secret, d.GlobalSchema), path, wrongPath)
	}
	for _, replica := range d.ReplicaURLs {
		found.refuse(dialectOf(replica) != dialectOf(d.URL), "Database.ReplicaURLs", "has a URL that is not of the same kind of database as Database.URL")
		found.refuse(leadsElsewhere(replica, d.GlobalSchema), "Database.ReplicaURLs", wrongPath)
	}
	postgres, sqlite := dialectOf(d.URL) == dialect.Postgres, dialectOf(d.URL) == dialect.SQLite
	found.refuse(d.GlobalSchema != "" && !postgres, "Database.GlobalSchema", "is for PostgreSQL only")
	found.refuse(d.Unnamed && !postgres, "Database.Unnamed", "is for PostgreSQL only")
	found.refuse(d.GlobalFile != "" && !sqlite, "Database.GlobalFile", "is for SQLite only")
	found.refuse(d.TenantsDir != "" && !sqlite, "Database.TenantsDir", "is for SQLite only")
	found.refuse(c.Migrations.StatementTimeout != 0 && !postgres, "Migrations.StatementTimeout", "is for PostgreSQL only")
}

var prefixPattern = regexp.MustCompile(`\A[a-z][a-z0-9_]{0,19}\z`)

func (c Config) checkIsolation(found *checks) {
	i := c.Isolation
	known := func(isolation tenancy.Isolation) bool { return slices.Contains(tenancy.Isolations(), isolation) }
	found.refuse(!known(i.Default), "Isolation.Default", "is not shared, rls, schema or database")
	named := i.Premium != i.Default // or it is the same by default, and was looked at
	found.refuse(named && !known(i.Premium), "Isolation.Premium", "is not shared, rls, schema or database")
	rls := tenancy.IsolationRLS
	postgres := dialectOf(c.Database.URL) == dialect.Postgres
	found.refuse(i.Default == rls && !postgres, "Isolation.Default", "is rls, which only PostgreSQL has")
	found.refuse(named && i.Premium == rls && !postgres, "Isolation.Premium", "is rls, which only PostgreSQL has")
	chosen := len(i.PremiumPlans)+len(i.PremiumTenants) > 0
	found.refuse(chosen && !named, "Isolation.Premium", "is the same as Isolation.Default, so premium tenants would get nothing else")
	found.refuse(!chosen && named, "Isolation.Premium", "is nobody's: name Isolation.PremiumPlans or Isolation.PremiumTenants")
	found.refuse(!prefixPattern.MatchString(i.Prefix), "Isolation.Prefix", "is not up to 20 lower-case letters, digits and underscores that begin with a letter")
	foreign := !i.ServerURL.IsZero() && (dialectOf(i.ServerURL) != dialectOf(c.Database.URL) || dialectOf(i.ServerURL) == dialect.SQLite)
	found.refuse(foreign, "Isolation.ServerURL", "is not a URL of another server of the same kind as Database.URL")
	found.refuseLogin(i.ServerURL, "Isolation.ServerURL")
	for _, identifier := range i.PremiumTenants {
		found.refuse(tenancy.ValidateIdentifier(identifier) != nil, "Isolation.PremiumTenants", "has an entry that is no tenant's identifier")
	}
}

func (c Config) checkResolution(found *checks) {
	r := c.Resolution
	known := []Strategy{StrategyHeader, StrategySubdomain, StrategyPath, StrategyJWT, StrategyCookie, StrategyQuery, StrategyHost, StrategyCustom}
	for i, strategy := range r.Strategies {
		found.refuse(!slices.Contains(known, strategy), "Resolution.Strategies", "has an entry that is not header, subdomain, path, jwt, cookie, query, host or custom")
		found.refuse(slices.Contains(r.Strategies[:i], strategy), "Resolution.Strategies", "names a strategy twice")
	}
	uses := func(s Strategy) bool { return slices.Contains(r.Strategies, s) }
	found.refuse(uses(StrategySubdomain) && r.DomainSuffix == "", "Resolution.DomainSuffix", "is missing: strategy subdomain needs it")
	found.refuse(r.Agree && len(r.Strategies) < 2, "Resolution.Agree", "needs two strategies that can agree")
	forwardings := []middleware.Forwarding{"", middleware.XForwardedFor, middleware.XForwarded, middleware.RFC7239}
	found.refuse(!slices.Contains(forwardings, middleware.Forwarding(r.Forwarding)), "Resolution.Forwarding", "is not x-forwarded-for, x-forwarded or rfc7239")
	for _, network := range r.TrustedProxies {
		_, err := netip.ParsePrefix(network)
		found.refuse(err != nil, "Resolution.TrustedProxies", "has an entry that is not a network such as 10.0.0.0/8")
	}
}

// outranksTokens reports whether a request can name a tenant by what proves nothing,
// although tokens are asked for. A resolver of the program may have proof of its own.
func (r ResolutionConfig) outranksTokens() bool {
	provesNothing := func(s Strategy) bool { return s != StrategyJWT && s != StrategyCustom }
	return !r.Agree && slices.Contains(r.Strategies, StrategyJWT) && slices.ContainsFunc(r.Strategies, provesNothing)
}

func (c Config) checkJWT(found *checks) {
	if !slices.Contains(c.Resolution.Strategies, StrategyJWT) {
		return
	}
	j := c.JWT
	keys := 0
	for _, there := range []bool{!j.Secret.IsZero(), j.PublicKey != "", j.JWKSURL != ""} {
		if there {
			keys++
		}
	}
	found.refuse(keys != 1, "JWT.Secret", "is missing, or one of several: strategy jwt needs one of JWT.Secret, JWT.PublicKey and JWT.JWKSURL")
	found.refuse(!j.Secret.IsZero() && len(j.Secret.Reveal()) < minKey, "JWT.Secret", "is shorter than 32 bytes")
	found.refuse((j.Audience == "") != j.AnyAudience, "JWT.Audience", "is missing: say whom tokens have to be for, or JWT.AnyAudience")
	for _, algorithm := range j.Algorithms {
		hmac := strings.HasPrefix(algorithm, "HS")
		found.refuse(strings.EqualFold(algorithm, "none"), "JWT.Algorithms", "has none, by which everybody could sign")
		found.refuse(hmac != !j.Secret.IsZero(), "JWT.Algorithms", "has one that does not go with the kind of key: HS256 and the like need JWT.Secret, others a public key")
	}
	if j.JWKSURL != "" {
		at, err := url.Parse(j.JWKSURL)
		found.refuse(err != nil || at.Host == "" || at.Scheme != "https", "JWT.JWKSURL", "is not a URL with https")
	}
}

// minKey is the length of the shortest key that is not guessed, in bytes.
const minKey = 32

func (c Config) checkKeys(found *checks) {
	passphrase := func(path string, key tenancy.Secret) {
		text := key.Reveal()
		short := utf8.RuneCountInString(text) < crypt.MinPassphraseLength
		found.refuse(text != "" && short, path, "has a passphrase of fewer than 32 characters")
		found.refuse(text != strings.TrimSpace(text), path, "has white space at an end")
	}
	passphrase("Encryption.Key", c.Encryption.Key)
	for _, old := range c.Encryption.OldKeys {
		passphrase("Encryption.OldKeys", old)
	}
	found.refuse(c.Encryption.Key.IsZero() && len(c.Encryption.OldKeys) > 0, "Encryption.Key", "is missing: there are old keys")
	found.refuse(c.Encryption.Key.IsZero() && c.Encryption.RefusePlaintext, "Encryption.Key", "is missing: Encryption.RefusePlaintext would refuse all secrets")
	found.refuse(!c.Envelope.Key.IsZero() && len(c.Envelope.Key.Reveal()) < minKey, "Envelope.Key", "is shorter than 32 bytes")
	for _, old := range c.Envelope.OldKeys {
		found.refuse(len(old.Reveal()) < minKey, "Envelope.OldKeys", "has a key that is shorter than 32 bytes")
	}
	found.refuse(c.Envelope.Key.IsZero() && len(c.Envelope.OldKeys) > 0, "Envelope.Key", "is missing: there are old keys")
	if !c.Redis.URL.IsZero() {
		at, err := url.Parse(c.Redis.URL.Reveal())
		found.refuse(err != nil || at.Scheme != "redis" && at.Scheme != "rediss", "Redis.URL", "is not a URL such as redis://host:6379/0")
	}
}

func (c Config) checkRateLimit(found *checks) {
	l := c.RateLimit
	ways := []ratelimit.Away{ratelimit.AwayLocal, ratelimit.AwayOpen, ratelimit.AwayClosed}
	found.refuse(!slices.Contains(ways, l.WhenRedisIsAway), "RateLimit.WhenRedisIsAway", "is not local, open or closed")
	found.refuse(l.Burst > 0 && l.Requests == 0, "RateLimit.Burst", "is without RateLimit.Requests")
	for _, requests := range l.Plans {
		found.refuse(requests < 1, "RateLimit.Plans", "has a limit below 1")
	}
	found.refuse(l.MetadataKey != "" && l.Requests == 0, "RateLimit.MetadataKey", "is without RateLimit.Requests, for tenants without a limit of their own")
	found.refuse(len(l.Plans) > 0 && l.Requests == 0, "RateLimit.Plans", "is without RateLimit.Requests, for tenants of no plan")
	sinks := []AuditSink{AuditSinkLog, AuditSinkRegistry}
	for _, sink := range c.Audit.Sinks {
		found.refuse(!slices.Contains(sinks, sink), "Audit.Sinks", "has an entry that is not log or registry")
	}
}

func (c Config) checkTenants(found *checks) {
	first := []tenancy.Status{tenancy.StatusActive, tenancy.StatusSuspended}
	found.refuse(!slices.Contains(first, c.Tenants.DefaultStatus), "Tenants.DefaultStatus", "is not active or suspended")
	warm := c.Isolation.Default == tenancy.IsolationSchema || c.Isolation.Default == tenancy.IsolationDatabase
	found.refuse(c.Tenants.WarmPool > 0 && !warm, "Tenants.WarmPool", "is for tenants with a schema or database of their own, and Isolation.Default is another")
}

func (c Config) checkNumbers(found *checks) {
	for path, n := range map[string]int{
		"Database.PoolSize": c.Database.PoolSize, "Database.MaxOverflow": c.Database.MaxOverflow,
		"Pools.MaxConns": c.Pools.MaxConns, "Pools.MaxConnsPerTenant": c.Pools.MaxConnsPerTenant, "Pools.MaxPools": c.Pools.MaxPools,
		"Tenants.Max": c.Tenants.Max, "Tenants.WarmPool": c.Tenants.WarmPool,
		"Migrations.Concurrency": c.Migrations.Concurrency, "Migrations.MaxFailures": c.Migrations.MaxFailures, "Cache.Size": c.Cache.Size, "Cache.Warm": c.Cache.Warm,
		"RateLimit.Requests": c.RateLimit.Requests, "RateLimit.Burst": c.RateLimit.Burst, "RateLimit.Probes": c.RateLimit.Probes, "Observe.MetricsTenants": c.Observe.MetricsTenants,
	} {
		found.refuse(n < 0, path, "is negative")
	}
	for path, d := range map[string]time.Duration{
		"Database.ConnectTimeout": c.Database.ConnectTimeout, "Database.PoolRecycle": c.Database.PoolRecycle, "Pools.MaxIdleTime": c.Pools.MaxIdleTime,
		"Migrations.LockTimeout": c.Migrations.LockTimeout, "Migrations.StatementTimeout": c.Migrations.StatementTimeout,
		"Cache.TTL": c.Cache.TTL, "Cache.RedisTTL": c.Cache.RedisTTL, "JWT.Leeway": c.JWT.Leeway, "RateLimit.Window": c.RateLimit.Window,
		"Envelope.TTL": c.Envelope.TTL, "Observe.SlowStatement": c.Observe.SlowStatement, "Observe.MigrationsEvery": c.Observe.MigrationsEvery,
	} {
		found.refuse(d < 0, path, "is negative")
	}
}
