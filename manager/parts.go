package manager

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"iter"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/envelope"
	"github.com/entenancy/tenancy/observe"
	"github.com/entenancy/tenancy/registry"
)

// The parts of a Manager, in the order in which New makes them. Each needs
// those before it.

func (m *Manager) openRegistry(context.Context) (err error) {
	read, err := newDatabases(m.config, m.app)
	if err != nil {
		return err
	}
	m.databases = decrypted{read}
	if m.admin, err = m.databases.admin(); err != nil {
		return err
	}
	if m.registry, err = m.databases.admin(); err != nil {
		return err
	}
	m.config.Database.ration(m.registry)
	if url := m.config.Redis.URL; !url.IsZero() {
		options, err := redis.ParseURL(url.Reveal())
		if err != nil {
			return &ConfigError{Problems: []Problem{{Path: "Redis.URL", Env: envOf("Redis.URL"), Reason: "cannot be used as a URL of Redis"}}}
		}
		options.ContextTimeoutEnabled = true // a Redis that says nothing keeps no connection for longer than its caller
		m.redis = redis.NewClient(options)
	}
	m.layers, err = newLayers(m.config, m.app, m.registry, m.admin, m.redis)
	return err
}

// openObserver makes the one observer that all parts tell.
func (m *Manager) openObserver(context.Context) error {
	all := []tenancy.Observer{m.app.Observer}
	if !m.config.Audit.Disabled {
		observer, err := m.openAudit()
		if err != nil {
			return err
		}
		all = append(all, observer)
	}
	if cfg := m.config.Observe; !cfg.NoLog {
		log, err := observe.NewLog(m.app.Logger, observe.LogConfig{SlowStatement: cfg.SlowStatement, WithoutSQL: cfg.NoSQL})
		if err != nil {
			return err
		}
		all = append(all, log)
	}
	if !m.config.Observe.NoMetrics {
		if err := m.openCollector(); err != nil {
			return err
		}
		all = append(all, m.collector)
	}
	m.observer = tenancy.Observers(all...)
	return nil
}

func (m *Manager) openAudit() (tenancy.Observer, error) {
	var sinks []audit.Sink
	for _, sink := range m.config.Audit.Sinks {
		if sink == AuditSinkRegistry {
			sinks = append(sinks, m.layers.base.Audit())
		} else {
			sinks = append(sinks, audit.NewSlogSink(m.app.Logger))
		}
	}
	var err error
	if m.audit, err = audit.New(sinks, audit.Config{Logger: m.app.Logger}); err != nil {
		return nil, err
	}
	return audit.NewObserver(m.audit)
}

func (m *Manager) tenants(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
	return registry.All(ctx, m.layers.top, registry.Query{})
}

// place says where a tenant is of whom the registry does not say it: the one
// rule for driver, migrations and provisioning.
func (m *Manager) place(t tenancy.Tenant) (tenancy.Tenant, error) {
	if m.app.Place != nil {
		return m.app.Place(t)
	}
	t.Isolation = cmp.Or(t.Isolation, m.config.Isolation.Default)
	return t, nil
}

func (m *Manager) driverConfig() driver.Config {
	config := driver.Config{
		GlobalSchema: m.config.Database.GlobalSchema, Place: m.place, Ready: m.noticingRLS(m.ready), ReplicaReady: m.answers, Observer: m.observer,
		Databases: driver.Databases{
			Open: m.databases.open, MaxConns: m.config.Pools.MaxConns, MaxConnsPerTenant: m.config.Pools.MaxConnsPerTenant,
			MaxIdleTime: m.config.Pools.MaxIdleTime, MaxPools: m.config.Pools.MaxPools,
		},
	}
	if m.config.Observe.SQLComment {
		config.Comment = func(context.Context) bool { return true }
	}
	return config
}

func (m *Manager) openDriver(context.Context) error {
	home, err := m.databases.home(m.config.Database.URL, false)
	if err != nil {
		return err
	}
	m.serving = home.db
	config := m.driverConfig()
	if address := m.config.Database.SystemURL; !address.IsZero() {
		system, err := m.databases.home(address, true)
		if err != nil {
			return err
		}
		m.system, config.System = system.db, system.driver
	}
	for _, address := range m.config.Database.ReplicaURLs {
		copied, err := m.databases.home(address, false)
		if err != nil {
			return err
		}
		m.replicas = append(m.replicas, &replica{url: address, db: copied.db})
		config.Replicas = append(config.Replicas, copied.driver)
	}
	m.driver, err = driver.New(home.driver, config)
	return err
}

func (m *Manager) openEnvelopes(context.Context) (err error) {
	cfg := m.config.Envelope
	if cfg.Key.IsZero() {
		return nil
	}
	keys := []envelope.Key{keyOf(cfg.Key)}
	for _, old := range cfg.OldKeys {
		keys = append(keys, keyOf(old))
	}
	if m.sealer, err = envelope.NewSealer(keys[0], envelope.SealerConfig{Lifetime: cfg.TTL}); err != nil {
		return err
	}
	m.opener, err = envelope.NewOpener(keys, m.layers.top, envelope.OpenerConfig{System: cfg.System})
	return err
}

// keyOf names a key by a hash of it, so that nobody has to think of names.
func keyOf(secret tenancy.Secret) envelope.Key {
	sum := sha256.Sum256([]byte("tenancy envelope key\x00" + secret.Reveal()))
	return envelope.Key{ID: hex.EncodeToString(sum[:8]), Secret: secret}
}
