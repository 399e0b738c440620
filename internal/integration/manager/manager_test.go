package manager_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/registry"
)

// TestFromConfigurationToRequest sees two tenants in two places through their
// life, with nothing but a configuration and a directory of migrations.
func TestFromConfigurationToRequest(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			c.Migrations = manager.MigrationsConfig{AtStart: true, Require: "latest"}
			c.Audit.Sinks = []manager.AuditSink{manager.AuditSinkRegistry}
			migrations := migrations(t, name)
			m := open(t, c, manager.App{
				Migrations: migrations, SharedMigrations: migrations, Quotas: map[string]quota.Quota{"seats": {Limit: 3}},
			})
			served(t, m)
		})
	}
}

func served(t *testing.T, m *manager.Manager) {
	t.Helper()
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	globex, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex", Plan: "gold"})
	must(t, err)
	if globex.Isolation != tenancy.IsolationSchema || globex.Placement.Schema == "" || acme.Isolation == globex.Isolation {
		t.Errorf("acme is %s, globex %s", acme.Isolation, globex.Isolation)
	}
	h := api(m)
	for _, name := range []string{"acme", "globex"} {
		if code, text := ask(t, h, http.MethodPost, "/notes/"+name, name); code != http.StatusOK {
			t.Fatalf("%s writes: %d %s", name, code, text)
		}
	}
	for _, name := range []string{"acme", "globex"} {
		code, text := ask(t, h, http.MethodGet, "/notes", name)
		// SQL by hand sees all rows of shared tables where no database holds it.
		held := m.Driver().Dialect() == dialect.Postgres || name == "globex"
		if code != http.StatusOK || held && text != "of "+name {
			t.Errorf("%s reads: %d %q", name, code, text)
		}
	}
	ended(t, m, h, globex)
}

// ended suspends and erases a tenant, and looks for what is left.
func ended(t *testing.T, m *manager.Manager, h http.Handler, globex tenancy.Tenant) {
	t.Helper()
	_, unknown := ask(t, h, http.MethodGet, "/notes", "nobody")
	_, err := m.Lifecycle().Suspend(t.Context(), globex.ID)
	must(t, err)
	if code, text := ask(t, h, http.MethodGet, "/notes", "globex"); code != http.StatusNotFound || text != unknown {
		t.Errorf("suspended: %d %s", code, text)
	}
	of := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: globex.ID, Identifier: globex.Identifier})
	must(t, m.Quotas().Consume(of, "seats", 2))
	_, err = m.Operator().Home().ExecContext(t.Context(), "INSERT INTO tenancy_migrations (tenant_id, directory, version, outcome, error, statement, tried_at) "+
		"VALUES ('"+string(globex.ID)+"', '', '', 'applied', '', '', '2026-01-01 00:00:00')") // as a run that had something to do
	must(t, err)
	receipt, err := m.Lifecycle().Erase(t.Context(), globex.ID)
	must(t, err)
	if left, err := m.Quotas().Usage(of, "seats"); err != nil || left.Used != 0 {
		t.Errorf("its quota is left: %+v (%v)", left, err)
	}
	var outcomes int
	must(t, m.Operator().Home().QueryRowContext(t.Context(), "SELECT count(*) FROM tenancy_migrations WHERE tenant_id <> ''").Scan(&outcomes))
	if outcomes != 0 {
		t.Errorf("%d outcomes of migrations are left", outcomes)
	}
	if !receipt.Dropped || !receipt.Intact() {
		t.Errorf("receipt: %+v", receipt)
	}
	if code, text := ask(t, h, http.MethodGet, "/notes", "acme"); code != http.StatusOK || !strings.Contains(text, "of acme") {
		t.Errorf("the neighbour: %d %q", code, text)
	}
	if stats := m.Audit().Stats(); stats.Recorded < 4 || stats.Failed > 0 { // two provisions, a suspension, an erasure
		t.Errorf("audit: %+v", stats)
	}
}

func TestRegisterIsForWhoIsLetIn(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.Tenants = manager.TenantsConfig{DefaultStatus: tenancy.StatusSuspended, Max: 1}
	files := migrations(t, dialect.SQLite)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	n := registry.NewTenant{Identifier: "acme", Name: "Acme"}
	if _, err := m.Register(t.Context(), n); !errors.Is(err, manager.ErrRegistrationClosed) {
		t.Errorf("closed: %v", err)
	}
	c.Tenants.AllowRegistration = true
	m = open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Register(t.Context(), n)
	must(t, err)
	if acme.Status != tenancy.StatusSuspended {
		t.Errorf("its status is %s", acme.Status)
	}
	if _, err := m.Register(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex"}); !errors.Is(err, tenancy.ErrTooManyTenants) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := m.Register(t.Context(), registry.NewTenant{Identifier: "hooli", Name: "Hooli", Isolation: tenancy.IsolationSchema}); !errors.Is(err, tenancy.ErrInvalidTenant) {
		t.Errorf("chooses an isolation: %v", err)
	}
}

// TestNobodyRegistersIntoMore: neither a plan nor a name that somebody has read of gets a
// stranger the place of those who pay for it.
func TestNobodyRegistersIntoMore(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.Tenants.AllowRegistration = true
	c.Isolation.PremiumTenants = []string{"globex"}
	files := migrations(t, dialect.SQLite)
	app := manager.App{Migrations: files, SharedMigrations: files}
	m := open(t, c, app)
	for _, n := range []registry.NewTenant{{Identifier: "acme", Name: "Acme", Plan: "gold"}, {Identifier: "globex", Name: "Globex"}} {
		got, err := m.Register(t.Context(), n)
		must(t, err)
		if got.Isolation != tenancy.IsolationShared || got.Placement.Schema != "" || got.Plan != n.Plan {
			t.Errorf("%s registers: isolation %q, plan %q", n.Identifier, got.Isolation, got.Plan)
		}
	}
	paid, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "hooli", Name: "Hooli", Plan: "gold"})
	must(t, err)
	if paid.Isolation != tenancy.IsolationSchema {
		t.Errorf("who is provisioned with a premium plan has isolation %q", paid.Isolation)
	}

	app.Isolation = func(registry.NewTenant) (tenancy.Isolation, error) { return tenancy.IsolationSchema, nil }
	got, err := open(t, c, app).Register(t.Context(), registry.NewTenant{Identifier: "initech", Name: "Initech"})
	must(t, err)
	if got.Isolation != tenancy.IsolationSchema {
		t.Errorf("the program's own policy is not asked: isolation %q", got.Isolation)
	}
}

// TestNobodyRegistersPastSuspension hangs up in the middle, and has the rest done
// by an operator: whoever registers is looked at first all the same.
func TestNobodyRegistersPastSuspension(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.Tenants = manager.TenantsConfig{DefaultStatus: tenancy.StatusSuspended, AllowRegistration: true}
	files := migrations(t, dialect.SQLite)
	ctx, hangUp := context.WithCancel(t.Context())
	observer := lifecycleObserver{told: func(e tenancy.LifecycleEvent) {
		if e.Tenant.Identifier == "globex" {
			hangUp()
		}
	}}
	fails := errors.New("not yet")
	hook := manager.Hook{After: func(context.Context, tenancy.Tenant) error { return fails }}
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Observer: observer, Hooks: map[manager.Action]manager.Hook{manager.ActionProvision: hook}})
	status := func(identifier string) tenancy.Tenant {
		found, err := m.Store().ByIdentifier(t.Context(), identifier)
		must(t, err)
		return found
	}
	if _, err := m.Register(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); !errors.Is(err, fails) {
		t.Fatal(err)
	}
	fails = nil
	_, err := m.Lifecycle().Resume(t.Context(), status("acme").ID)
	must(t, err)
	_, _ = m.Register(ctx, registry.NewTenant{Identifier: "globex", Name: "Globex"}) // it fails or not
	for _, identifier := range []string{"acme", "globex"} {
		if got := status(identifier); got.Status != tenancy.StatusSuspended {
			t.Errorf("%s is %s", identifier, got.Status)
		}
	}
}

// lifecycleObserver is told of what becomes of tenants.
type lifecycleObserver struct {
	tenancy.NopObserver

	told func(tenancy.LifecycleEvent)
}

func (o lifecycleObserver) Lifecycle(_ context.Context, e tenancy.LifecycleEvent) { o.told(e) }

// TestStartRefusesWhatRowLevelSecurityDoesNotHold has an owner serve requests.
func TestStartRefusesWhatRowLevelSecurityDoesNotHold(t *testing.T) {
	t.Parallel()
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	c.Database.URL = c.Database.SystemURL // which bypasses it
	files := migrations(t, dialect.Postgres)
	m, err := manager.New(t.Context(), c, manager.App{Migrations: files, SharedMigrations: files, Tenancy: notes()})
	must(t, err)
	defer m.Close()
	if err := m.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "BYPASSRLS") {
		t.Errorf("got %v", err)
	}
}

// TestStartRefusesTablesThatIgnoreCase has a table made by hand, whatever the
// isolation of those that the registry says nothing of.
func TestStartRefusesTablesThatIgnoreCase(t *testing.T) {
	t.Parallel()
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationShared, tenancy.IsolationSchema} {
		c := mysqlConfig(t)
		c.Isolation = manager.IsolationConfig{Default: isolation, Prefix: c.Isolation.Prefix}
		m, err := manager.New(t.Context(), c, manager.App{Tenancy: notes()})
		must(t, err)
		defer m.Close()
		must(t, m.Start(t.Context())) // the table is not there yet
		by := func(statement string) {
			_, err := m.Operator().Home().ExecContext(t.Context(), statement)
			must(t, err)
		}
		by(notesTable)
		if err := m.Start(t.Context()); !errors.Is(err, mysql.ErrUnsafe) || !strings.Contains(err.Error(), "`notes`") {
			t.Errorf("%s: got %v", isolation, err)
		}
		by("ALTER TABLE notes CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
		must(t, m.Start(t.Context()))
	}
}

// TestSystemNeedsARole shows that a System scope is not shown nothing where only
// another role would see something.
func TestSystemNeedsARole(t *testing.T) {
	t.Parallel()
	for isolation, want := range map[tenancy.Isolation]error{tenancy.IsolationRLS: postgres.ErrSystem, tenancy.IsolationShared: nil} {
		c := postgresConfig(t)
		c.Isolation = manager.IsolationConfig{Default: isolation}
		c.Database.SystemURL = tenancy.Secret{}
		m, err := manager.New(t.Context(), c, manager.App{Tenancy: notes()})
		must(t, err)
		defer m.Close()
		_, err = m.Operator().Serving().ExecContext(tenancy.System(t.Context(), "test"), "SELECT 1")
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v", isolation, err)
		}
	}
}

func TestReadiness(t *testing.T) {
	t.Parallel()
	m, err := manager.New(t.Context(), sqliteConfig(t), manager.App{Tenancy: notes()})
	must(t, err)
	get := func(h http.Handler) int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
		return w.Code
	}
	if code := get(m.ReadyHandler()); code != http.StatusServiceUnavailable {
		t.Errorf("before Start: %d", code)
	}
	must(t, m.Start(t.Context()))
	if code := get(m.ReadyHandler()); code != http.StatusOK {
		t.Errorf("after Start: %d", code)
	}
	must(t, m.Close())
	if code := get(m.ReadyHandler()); code != http.StatusServiceUnavailable {
		t.Errorf("after Close: %d", code)
	}
	if code := get(m.HealthHandler()); code != http.StatusOK {
		t.Errorf("health: %d", code)
	}
}

// TestHandlerLimits has Redis count, for two Managers as for one.
func TestHandlerLimits(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.Redis = manager.RedisConfig{URL: tenancy.NewSecret(servers.Redis(t)), Prefix: "test-" + strings.ToLower(rand.Text())}
	c.RateLimit = manager.RateLimitConfig{Requests: 3, Window: time.Hour}
	files := migrations(t, dialect.SQLite)
	app := manager.App{Migrations: files, SharedMigrations: files}
	first, second := open(t, c, app), open(t, c, app)
	_, err := first.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	for i, m := range []*manager.Manager{first, second, first, second, first} {
		want := http.StatusOK
		if i >= 3 {
			want = http.StatusTooManyRequests
		}
		if code, text := ask(t, api(m), http.MethodGet, "/notes", "acme"); code != want {
			t.Errorf("request %d: %d %s", i, code, text)
		}
	}
}

// TestStrangersDoNotPushTenantsOut: there are more addresses than a process counts, and a
// tenant over its limit stays there.
func TestStrangersDoNotPushTenantsOut(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	c.RateLimit = manager.RateLimitConfig{Requests: 1, Probes: 1, Window: time.Hour}
	c.Observe.NoLog = true
	files := migrations(t, dialect.SQLite)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	_, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	h := m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	asks := func(tenant, from string) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set("X-Tenant-ID", tenant)
		r.RemoteAddr = from
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if first, second := asks("acme", "10.0.0.1:1"), asks("acme", "10.0.0.1:1"); first != http.StatusOK || second != http.StatusTooManyRequests {
		t.Fatalf("it is not held to its limit: %d, %d", first, second)
	}
	if first, second := asks("nobody", "10.0.0.2:1"), asks("nobody", "10.0.0.2:1"); first != http.StatusNotFound || second != http.StatusTooManyRequests {
		t.Fatalf("probes are not held to theirs: %d, %d", first, second)
	}
	for i := range 80_000 { // more than a ratelimit.Local has room for, in each of its shards
		asks("nobody", fmt.Sprintf("11.%d.%d.%d:1", i>>16, i>>8&0xff, i&0xff))
	}
	if code := asks("acme", "10.0.0.1:1"); code != http.StatusTooManyRequests {
		t.Errorf("its limit has begun anew: %d", code)
	}
}

// TestCachesAreToldWhatCallersAreToldBy: what a handler sends a member, a cache shows no stranger.
func TestCachesAreToldWhatCallersAreToldBy(t *testing.T) {
	t.Parallel()
	m := open(t, sqliteConfig(t), manager.App{
		Principal:     func(r *http.Request) any { return r.Header.Get("X-User") },
		PrincipalVary: []string{"X-User"},
	})
	w := httptest.NewRecorder()
	m.Handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if got := w.Header().Get("Vary"); got != "X-Tenant-Id, X-Tenancy-Uid, X-User" {
		t.Errorf("Vary is %q", got)
	}
}

// Tenants are found by their own domains, which the registry keeps.
func TestDomains(t *testing.T) {
	t.Parallel()
	for _, cached := range []bool{true, false} {
		config := sqliteConfig(t)
		config.Resolution.Strategies = []manager.Strategy{manager.StrategyHost}
		config.Cache.Disabled = !cached
		m := open(t, config, manager.App{})
		execute(t, m, notesTable)
		acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
		must(t, err)
		h := m.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		get := func(host string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Host = host
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w.Code
		}
		if code := get("shop.acme.test"); code != http.StatusNotFound {
			t.Errorf("before it is there: %d", code)
		}
		must(t, m.Domains().Add(t.Context(), acme.ID, "shop.acme.test"))
		if code := get("shop.acme.test:443"); code != http.StatusOK {
			t.Errorf("when it is there: %d", code)
		}
		must(t, m.Store().Erase(t.Context(), acme.ID))
		if code := get("shop.acme.test"); code != http.StatusNotFound {
			t.Errorf("erased: %d", code)
		}
		if left, err := m.Domains().Of(t.Context(), acme.ID); err != nil || len(left) > 0 {
			t.Errorf("%q are left (%v)", left, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	c := sqliteConfig(t)
	c.Migrations.AtStart = true
	files := migrations(t, dialect.SQLite)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	_, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	for _, tenant := range []string{"acme", "nobody"} {
		ask(t, api(m), http.MethodGet, "/notes", tenant)
	}
	found := m.Metrics().Metrics()
	outcomes := make(map[tenancy.Outcome]uint64)
	for _, r := range found.Requests {
		outcomes[r.Outcome] = r.Count
	}
	if outcomes[tenancy.OutcomeServed] != 1 || outcomes[tenancy.OutcomeRefused] != 1 || len(found.Statements) == 0 {
		t.Errorf("got %+v %+v", found.Requests, found.Statements)
	}
	if found.Cache == nil || len(found.Lifecycle) == 0 || found.Pools["home"].Open == 0 {
		t.Errorf("got %+v", found)
	}
	w := httptest.NewRecorder()
	m.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if !strings.Contains(w.Body.String(), `"statements"`) {
		t.Errorf("answered %s", w.Body)
	}
}

// TestMetricsOfNoCache has none of a cache that is not read.
func TestMetricsOfNoCache(t *testing.T) {
	t.Parallel()
	for _, disabled := range []bool{true, false} {
		c := sqliteConfig(t)
		c.Isolation = manager.IsolationConfig{}
		c.Cache.Disabled = disabled
		m := open(t, c, manager.App{})
		if found := m.Metrics().Metrics().Cache; (found == nil) != disabled {
			t.Errorf("disabled: %t, and got %+v", disabled, found)
		}
	}
}

// TestMetricsOfMigrations stay as they were where the registry cannot be read, and a logger
// that panics there ends nothing.
func TestMetricsOfMigrations(t *testing.T) {
	t.Parallel()
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	_, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Plan: "gold"})
	must(t, err)
	c.Migrations.AtStart, c.Observe.MigrationsEvery = false, 20*time.Millisecond
	files = migrations(t, dialect.Postgres, "ALTER TABLE notes ADD COLUMN extra varchar(10);\n")
	log := panics{text: new(lockedBuffer), at: "the state of migrations is not known"}
	m = open(t, c, manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(log)})
	behind := func() int { return m.Metrics().Metrics().Migrations.Behind }
	const places = 2 // the home, and acme's schema
	await(t, "places are behind", func() bool { return behind() == places })
	by := func(statement string) {
		_, err := m.Operator().Home().ExecContext(t.Context(), statement)
		must(t, err)
	}
	by("ALTER TABLE tenancy_tenants RENAME TO gone")
	await(t, "it cannot be read", func() bool { return strings.Count(log.text.String(), log.at) > 1 })
	gone := m.Metrics().Metrics().Migrations
	if gone.Behind != places {
		t.Errorf("%d places are behind, want %d", gone.Behind, places)
	}
	by("ALTER TABLE gone RENAME TO tenancy_tenants")
	await(t, "it is looked at again", func() bool { return m.Metrics().Metrics().Migrations.At.After(gone.At) })
	if got := behind(); got != places {
		t.Errorf("%d places are behind, want %d", got, places)
	}
}

// TestStrangersShareAFewConnections, and so do quotas: what requests ask of the registry has
// no more, however many there are.
func TestStrangersShareAFewConnections(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			c.Migrations.AtStart = true
			c.Database.PoolSize = 3
			files := migrations(t, name)
			m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Quotas: map[string]quota.Quota{"seats": {Limit: 100}}})
			before := m.Metrics().Metrics().Pools["admin"].Open
			h := api(m)
			consume := func() error {
				return m.Quotas().Consume(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme", Identifier: "acme"}), "seats", 1)
			}
			var all sync.WaitGroup
			for i := range 50 {
				all.Go(func() {
					if code, text := ask(t, h, http.MethodGet, "/notes", fmt.Sprintf("stranger-%d", i)); code != http.StatusNotFound {
						t.Errorf("%d %s", code, text)
					}
					if err := consume(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			pools := m.Metrics().Metrics().Pools
			if p := pools["registry"]; p.MaxOpen != 3 || p.Waits == 0 && name != dialect.SQLite { // whose answers are there before somebody else asks
				t.Errorf("the registry's pool: %+v", p)
			}
			if p := pools["admin"]; p.Open > before+10 { // for what goes on beside
				t.Errorf("%d connections before, and then %+v", before, p)
			}
		})
	}
}
