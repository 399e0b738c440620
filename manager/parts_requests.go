package manager

import (
	"context"
	"net/netip"

	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/ratelimit"
)

// limits is how requests are limited. Tenants and clients are counted apart: what is
// counted in this process is bounded, and strangers have as many addresses as they like.
type limits struct {
	fallbacks []*ratelimit.Fallback // none without Redis
	tenants   *ratelimit.Tenants    // nil without a limit
	probes    *ratelimit.Clients    // nil without a limit
}

func (m *Manager) openLimits(context.Context) error {
	m.limits = &limits{}
	if err := m.openTenantLimits(); err != nil {
		return err
	}
	if err := m.openProbeLimits(); err != nil {
		return err
	}
	return m.openQuotas()
}

func (m *Manager) openTenantLimits() error {
	cfg := m.config.RateLimit
	if cfg.Requests == 0 {
		return nil
	}
	limiter, err := m.limiter()
	if err != nil {
		return err
	}
	plans := make(map[string]ratelimit.Limit, len(cfg.Plans))
	for plan, requests := range cfg.Plans {
		plans[plan] = ratelimit.Limit{Rate: requests, Period: cfg.Window}
	}
	usual := ratelimit.Limit{Rate: cfg.Requests, Period: cfg.Window, Burst: cfg.Burst}
	m.limits.tenants, err = ratelimit.NewTenants(limiter, usual, ratelimit.TenantsConfig{Plans: plans, MetadataKey: cfg.MetadataKey})
	return err
}

func (m *Manager) openProbeLimits() error {
	cfg := m.config.RateLimit
	if cfg.Probes == 0 {
		return nil
	}
	limiter, err := m.limiter()
	if err != nil {
		return err
	}
	m.limits.probes, err = ratelimit.NewClients(limiter, ratelimit.Limit{Rate: cfg.Probes, Period: cfg.Window})
	return err
}

// limiter makes one that counts in Redis, and as configured while that is away;
// without one, in this process.
func (m *Manager) limiter() (ratelimit.Limiter, error) {
	if m.redis == nil {
		return ratelimit.NewLocal(ratelimit.LocalConfig{})
	}
	inRedis, err := ratelimit.NewRedis(m.redis, ratelimit.RedisConfig{Prefix: m.config.Redis.Prefix + ":limit:"})
	if err != nil {
		return nil, err
	}
	fallback, err := ratelimit.NewFallback(inRedis, ratelimit.FallbackConfig{
		Away: m.config.RateLimit.WhenRedisIsAway, Logger: m.app.Logger,
	})
	if err != nil {
		return nil, err
	}
	m.limits.fallbacks = append(m.limits.fallbacks, fallback)
	return fallback, nil
}

// stats is what became of all requests while Redis was away. Its outages are those of
// whoever has met most of them: it is one Redis.
func (l *limits) stats() ratelimit.FallbackStats {
	var all ratelimit.FallbackStats
	for _, fallback := range l.fallbacks {
		s := fallback.Stats()
		all.Away, all.Outages = all.Away || s.Away, max(all.Outages, s.Outages)
		all.Local, all.Open, all.Closed = all.Local+s.Local, all.Open+s.Open, all.Closed+s.Closed
	}
	return all
}

// openQuotas counts what is used up in the registry's database, which does not
// forget.
func (m *Manager) openQuotas() (err error) {
	m.quotas, err = quota.New(m.layers.base.Quotas(), m.app.Quotas)
	return err
}

func (m *Manager) openGate(context.Context) error {
	resolver, err := m.resolver()
	if err != nil {
		return err
	}
	cfg := m.config.Resolution
	var proxies []netip.Prefix
	for _, network := range cfg.TrustedProxies {
		prefix, err := netip.ParsePrefix(network)
		if err != nil {
			return err
		}
		proxies = append(proxies, prefix)
	}
	config := middleware.Config{
		Principal: m.app.Principal, PrincipalVary: m.app.PrincipalVary, Authorize: m.app.Authorize, Excluded: cfg.ExcludedPaths,
		TrustedProxies: proxies, Forwarding: middleware.Forwarding(cfg.Forwarding), Observer: m.observer, Logger: m.app.Logger,
	}
	if m.limits.tenants != nil {
		config.Limiter = m.limits.tenants
	}
	if m.limits.probes != nil {
		config.Probes = m.limits.probes
	}
	if m.audit != nil {
		config.Actor = middleware.PrincipalName
	}
	m.gate, err = middleware.NewGate(m.layers.top, resolver, config)
	return err
}

// resolver combines those of all strategies.
func (m *Manager) resolver() (middleware.Resolver, error) {
	cfg := m.config.Resolution
	all := make([]middleware.Resolver, 0, len(cfg.Strategies))
	for _, strategy := range cfg.Strategies {
		one, err := m.resolverOf(strategy)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	switch {
	case len(all) == 1:
		return all[0], nil
	case cfg.Agree:
		return middleware.Agree(all...), nil
	default:
		return middleware.First(all...), nil
	}
}

func (m *Manager) resolverOf(strategy Strategy) (middleware.Resolver, error) {
	cfg := m.config.Resolution
	switch strategy {
	case StrategySubdomain:
		return middleware.Subdomain(cfg.DomainSuffix, cfg.ReservedLabels...), nil
	case StrategyPath:
		return middleware.Path(cfg.PathPrefix), nil
	case StrategyJWT:
		return m.jwt()
	case StrategyCookie:
		return middleware.Cookie(cfg.Cookie), nil
	case StrategyQuery:
		return middleware.Query(cfg.QueryParameter), nil
	case StrategyHost:
		if m.app.Domains != nil {
			return middleware.Host(m.app.Domains), nil
		}
		return middleware.Host(m.layers.domains), nil
	case StrategyCustom:
		return m.app.Resolver, nil
	default:
		return middleware.Header(cfg.Header), nil
	}
}

// jwt reads tokens. Keys that are published are fetched now and, until Close,
// again and again.
func (m *Manager) jwt() (middleware.Resolver, error) {
	cfg := m.config.JWT
	config := middleware.JWTConfig{
		Algorithms: cfg.Algorithms, Issuer: cfg.Issuer, Audience: cfg.Audience, AnyAudience: cfg.AnyAudience,
		Leeway: cfg.Leeway, IDClaim: cfg.IDClaim, Claim: cfg.TenantClaim,
	}
	switch { // one of them is set, and the resolver takes an empty key for a set one
	case !cfg.Secret.IsZero():
		config.Secret = []byte(cfg.Secret.Reveal())
	case cfg.PublicKey != "":
		config.PublicKey = []byte(cfg.PublicKey)
	default:
		var err error
		config.Keys, err = middleware.NewJWKS(m.background, cfg.JWKSURL, middleware.JWKSConfig{Client: m.app.HTTPClient, Logger: m.app.Logger})
		if err != nil {
			return nil, err
		}
	}
	return middleware.JWT(config), nil
}
