package manager

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// App is what a program brings that no environment can say. The zero App works
// for tenants in shared tables that somebody else migrates.
type App struct {
	// Tenancy is the generated migrate.Tenancy of the ent client: whose rows are
	// in which table. Required for every isolation but shared, unless there is Verify.
	Tenancy schema.Metadata
	// Migrations are the files of tenants' tables, and SharedMigrations those of
	// the home, as package migrate/diff writes them. Config.Migrations.Dir and
	// SharedDir come before them. Defaults to none: there is no Migrator, and
	// provisioning makes no tables.
	Migrations, SharedMigrations fs.FS
	// Roles are the roles that may use the schemas and databases which are made for
	// tenants; on MySQL users like shop@%, which have to exist. Defaults to the users
	// of Database.URL and Database.SystemURL, on MySQL to those for any host. An empty list that is not nil
	// leaves grants to somebody else.
	Roles []string

	// Place says where a tenant lives of whom the registry does not say it. It
	// must be quick and always say the same. The lifecycle goes by it, too.
	// Defaults to Config.Isolation.Default.
	Place func(tenancy.Tenant) (tenancy.Tenant, error)
	// Isolation says which isolation a new tenant gets.
	// Defaults to what Config.Isolation says of plans and tenants.
	Isolation func(n registry.NewTenant) (tenancy.Isolation, error)
	// Verify looks at a new tenant's place before it is served. The context acts for
	// the tenant. It is for programs without generated code, such as tools. Defaults
	// to [VerifyPostgres] with Tenancy on PostgreSQL, and to none elsewhere.
	Verify func(ctx context.Context, t tenancy.Tenant) error
	// Hooks are called around what becomes of a tenant. Defaults to none.
	Hooks map[Action]Hook

	// Resolver is strategy custom.
	Resolver middleware.Resolver
	// Domains finds the tenant of a domain, for strategy host. Defaults to the
	// registry's, see [Manager.Domains].
	Domains middleware.DomainLookup
	// Principal and Authorize say who sent a request, and whether they may act for
	// a tenant, see package middleware. Default to what a token says, and to
	// everybody: the resolver alone decides. Strategy jwt beside others that prove
	// nothing needs Authorize, or Config.Resolution.Agree.
	// PrincipalVary names the request headers that Principal reads, for caches, see
	// [middleware.Config].
	Principal     func(*http.Request) any
	PrincipalVary []string
	Authorize     func(ctx context.Context, principal any, tenant tenancy.Tenant) error

	// HTTPClient fetches the keys of Config.JWT.JWKSURL, and is to trust that server.
	// Defaults to http.DefaultClient.
	HTTPClient *http.Client

	// Quotas are how much of what tenants may have, by name. Defaults to none.
	Quotas map[string]quota.Quota

	// Observer is told of all that happens, beside what Config.Observe and Config.Audit ask for.
	// Defaults to none.
	Observer tenancy.Observer
	// Logger hears what somebody should know. Defaults to slog.Default().
	Logger *slog.Logger
}

// problems names what the configuration needs of the program.
func (a App) problems(ctx context.Context, c Config) []Problem {
	var found checks
	uses := func(s Strategy) bool { return slices.Contains(c.Resolution.Strategies, s) }
	found.refuse(uses(StrategyCustom) && a.Resolver == nil, "Resolution.Strategies", "has custom, and the program has no App.Resolver")
	found.refuse(!uses(StrategyCustom) && a.Resolver != nil, "Resolution.Strategies", "does not have custom, and the program has an App.Resolver")
	found.refuse(c.Resolution.outranksTokens() && a.Authorize == nil, "Resolution.Strategies",
		"has jwt beside a strategy that anybody can use, which decides where it is asked first or where there is no token: "+
			"set Resolution.Agree ("+envOf("Resolution.Agree")+"), or App.Authorize in the program, or leave one of them out")
	separate := c.Isolation.Default != tenancy.IsolationShared || c.Isolation.Premium != tenancy.IsolationShared
	found.refuse(separate && len(a.Tenancy.Tables) == 0 && a.Verify == nil, "Isolation.Default", "needs App.Tenancy, the generated migrate.Tenancy")
	found.refuseUnplaced(a.Tenancy, c)
	migrations := c.Migrations.Dir != "" || a.Migrations != nil
	found.refuse(c.Migrations.AtStart && !migrations, "Migrations.AtStart", "needs Migrations.Dir or App.Migrations")
	dropped := a.Logger != nil && !a.Logger.Enabled(ctx, slog.LevelInfo)
	found.refuse(dropped && !c.Audit.Disabled && slices.Contains(c.Audit.Sinks, AuditSinkLog), "Audit.Sinks",
		"has log, and App.Logger drops what is logged at level info: name registry, or disable the audit")
	found.refuse(c.Migrations.Require != "" && !migrations, "Migrations.Require", "needs Migrations.Dir or App.Migrations")
	return found
}

// refuseUnplaced adds a problem of each isolation of new tenants that the client cannot serve.
func (c *checks) refuseUnplaced(m schema.Metadata, config Config) {
	i, on := config.Isolation, config.Database.Dialect()
	reason := unplaced(m, on, i.Default)
	c.refuse(reason != "", "Isolation.Default", reason)
	reason = unplaced(m, on, i.Premium)
	c.refuse(reason != "" && i.Premium != i.Default, "Isolation.Premium", reason)
}

// unplaced says why a generated client cannot serve tenants of an isolation: it does not
// tell their tables from those of global entities. It is empty where it can, on SQLite always.
func unplaced(m schema.Metadata, on string, isolation tenancy.Isolation) string {
	var why string
	switch {
	case !m.Unqualified || on == dialect.SQLite:
		return ""
	case on == dialect.MySQL && isolation == tenancy.IsolationSchema:
		why = "MySQL needs the names of schemas in the client's statements"
	case len(m.Globals) > 0 && (isolation == tenancy.IsolationSchema || isolation == tenancy.IsolationDatabase):
		why = "its tenants would not find the global entities " + strings.Join(m.Globals, ", ")
	default:
		return ""
	}
	return fmt.Sprintf("is %s, and %s: generate the ent client with entext.Extension{Placement: true} in entc.go, by go generate", isolation, why)
}
