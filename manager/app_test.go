package manager_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/schema"
)

// TestNewNamesWhatTheProgramLacks has settings that need something of the App.
func TestNewNamesWhatTheProgramLacks(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		variable, reason string
		change           func(*manager.Config, *manager.App)
	}{
		{"RESOLUTION_STRATEGIES", "has custom", func(c *manager.Config, _ *manager.App) {
			c.Resolution.Strategies = []manager.Strategy{manager.StrategyCustom}
		}},
		{"RESOLUTION_STRATEGIES", "does not have custom", func(_ *manager.Config, a *manager.App) {
			a.Resolver = middleware.Header("X-Tenant-ID")
		}},
		{"RESOLUTION_STRATEGIES", "has jwt beside", tokensAnd(manager.StrategyJWT, manager.StrategyHeader)},
		{"RESOLUTION_STRATEGIES", "has jwt beside", tokensAnd(manager.StrategyHeader, manager.StrategyJWT)},
		{"RESOLUTION_STRATEGIES", "has jwt beside", tokensAnd(manager.StrategySubdomain, manager.StrategyJWT)},
		{"ISOLATION_DEFAULT", "needs App.Tenancy", func(c *manager.Config, _ *manager.App) {
			c.Isolation.Default = tenancy.IsolationSchema
		}},
		{"ISOLATION_DEFAULT", "is schema, and its tenants would not find the global entities Country, Label: generate the ent client with entext.Extension{Placement: true}", func(c *manager.Config, a *manager.App) {
			c.Isolation.Default, a.Tenancy = tenancy.IsolationSchema, unqualified("Country", "Label")
		}},
		{"ISOLATION_PREMIUM", "is database, and its tenants would not find", func(c *manager.Config, a *manager.App) {
			c.Isolation.Premium, c.Isolation.PremiumPlans, a.Tenancy = tenancy.IsolationDatabase, []string{"gold"}, unqualified("Country")
		}},
		{"ISOLATION_DEFAULT", "is schema, and MySQL needs the names of schemas", func(c *manager.Config, a *manager.App) {
			c.Database = manager.DatabaseConfig{URL: tenancy.NewSecret("mysql://shop:secret@127.0.0.1:1/shop")}
			c.Isolation.Default, a.Tenancy = tenancy.IsolationSchema, unqualified()
		}},
		{"MIGRATIONS_AT_START", "needs Migrations.Dir", func(c *manager.Config, _ *manager.App) { c.Migrations.AtStart = true }},
		{"MIGRATIONS_REQUIRE", "needs Migrations.Dir", func(c *manager.Config, _ *manager.App) { c.Migrations.Require = "latest" }},
		{"AUDIT_SINKS", "has log, and App.Logger drops", func(_ *manager.Config, a *manager.App) { a.Logger = slog.New(slog.DiscardHandler) }},
	} {
		config, app := valid(), manager.App{}
		config.Isolation.Default = tenancy.IsolationShared
		test.change(&config, &app)
		m, err := manager.New(t.Context(), config, app)
		if m != nil || !names(err, test.variable, test.reason) {
			t.Errorf("want %s %s, got %v", test.variable, test.reason, err)
		}
	}
}

// TestNewTakesALoggerThatDropsWhereTheAuditIsElsewhere has the two ways out that the error names.
func TestNewTakesALoggerThatDropsWhereTheAuditIsElsewhere(t *testing.T) {
	t.Parallel()
	for name, audit := range map[string]manager.AuditConfig{
		"in the registry": {Sinks: []manager.AuditSink{manager.AuditSinkRegistry}},
		"nowhere":         {Disabled: true},
	} {
		config := valid()
		config.Isolation.Default, config.Audit = tenancy.IsolationShared, audit
		m, err := manager.New(t.Context(), config, manager.App{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// tokensAnd has tokens and other strategies, so that without more the first of them decides.
func tokensAnd(strategies ...manager.Strategy) func(*manager.Config, *manager.App) {
	return func(c *manager.Config, _ *manager.App) {
		c.Resolution = manager.ResolutionConfig{Strategies: strategies, DomainSuffix: "example.com"}
		c.JWT = manager.JWTConfig{Secret: tenancy.NewSecret(strings.Repeat("k", 32)), Audience: "shop"}
	}
}

// TestNewTakesTokensBesideNamesThatAreProven has the ways out that the error names, and a
// resolver of the program.
func TestNewTakesTokensBesideNamesThatAreProven(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*manager.Config, *manager.App){
		"alone": tokensAnd(manager.StrategyJWT),
		"that have to agree": func(c *manager.Config, a *manager.App) {
			tokensAnd(manager.StrategyJWT, manager.StrategyHeader)(c, a)
			c.Resolution.Agree = true
		},
		"that the program looks at": func(c *manager.Config, a *manager.App) {
			tokensAnd(manager.StrategyHeader, manager.StrategyJWT)(c, a)
			a.Authorize = func(context.Context, any, tenancy.Tenant) error { return nil }
		},
		"the program's own": func(c *manager.Config, a *manager.App) {
			tokensAnd(manager.StrategyJWT, manager.StrategyCustom)(c, a)
			a.Resolver = middleware.Header("X-Key")
		},
	} {
		config, app := valid(), manager.App{}
		config.Isolation.Default = tenancy.IsolationShared
		change(&config, &app)
		m, err := manager.New(t.Context(), config, app)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}

// unqualified is of a client that was generated without Placement.
func unqualified(globals ...string) schema.Metadata {
	return schema.Metadata{
		Tables:  []schema.Table{{Name: "orders", Entity: "Order", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"}}},
		Globals: globals, Unqualified: true,
	}
}

// TestNewTakesClientsWithoutPlacementWhereNoneIsNeeded has no global entities in schemas of
// PostgreSQL, and some behind row-level security.
func TestNewTakesClientsWithoutPlacementWhereNoneIsNeeded(t *testing.T) {
	t.Parallel()
	for isolation, app := range map[tenancy.Isolation]manager.App{
		tenancy.IsolationSchema: {Tenancy: unqualified()},
		tenancy.IsolationRLS:    {Tenancy: unqualified("Country")},
	} {
		config := valid()
		config.Isolation.Default = isolation
		m, err := manager.New(t.Context(), config, app)
		if err != nil {
			t.Errorf("%s: %v", isolation, err)
			continue
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
