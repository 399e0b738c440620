package doctor

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/registry"
)

// isolation has the database checked by what an application checks when it
// starts: the role that serves, policies, FORCE, composite keys.
func (e *examination) isolation(ctx context.Context) (*Check, error) {
	if e.Dialect != dialect.Postgres {
		return skipped("row-level security is PostgreSQL's")
	}
	tables, err := e.TenantTables(ctx, e.Home, e.Schema())
	if err != nil {
		return nil, err
	}
	if len(tables.Tables) == 0 {
		return skipped("the home has no tables with the column " + e.Config.TenantColumn)
	}
	hints, err := postgres.Verify(ctx, e.Serving(), tables, postgres.VerifyConfig{Schema: e.Schema()})
	check := &Check{Note: plural(len(tables.Tables), "table") + " looked at, with the role of the database URL"}
	severity, err := e.severity(ctx, check, err)
	if err != nil {
		return nil, err
	}
	for _, hint := range hints {
		check.add(Hint, hint.String())
	}
	for i := range check.Findings {
		if check.Findings[i].Severity == Problem {
			check.Findings[i].Severity = severity
		}
	}
	return check, nil
}

// severity adds what is unsafe, and says how bad it is: where nobody relies on
// row-level security, it is good to know.
func (e *examination) severity(ctx context.Context, check *Check, verified error) (Severity, error) {
	if verified == nil {
		return Problem, nil
	}
	if !errors.Is(verified, postgres.ErrUnsafe) {
		return Problem, verified
	}
	_, problems, _ := strings.Cut(verified.Error(), "\n")
	for line := range strings.Lines(problems) {
		check.add(Problem, strings.TrimSpace(line))
	}
	n, err := e.Tenants.Count(ctx, registry.Query{Isolation: tenancy.IsolationRLS})
	if err != nil || n > 0 || e.DefaultIsolation() == tenancy.IsolationRLS {
		return Problem, err
	}
	check.Note += "; no tenant has the isolation rls, so these are hints"
	return Hint, nil
}

// keys looks for foreign keys that do not hold both rows to one tenant. On
// PostgreSQL the check of isolation has done so.
func (e *examination) keys(ctx context.Context) (*Check, error) {
	if e.Dialect == dialect.Postgres {
		return skipped("see isolation")
	}
	loose, err := e.LooseKeys(ctx)
	if err != nil {
		return nil, err
	}
	check := &Check{}
	for _, key := range loose {
		check.add(Problem, "the foreign key "+key+" does not include the tenant: migrate")
	}
	return check, nil
}

// clients is how many connections look at one another.
const clients = 3

// pooler finds out what is between here and PostgreSQL.
func (e *examination) pooler(ctx context.Context) (*Check, error) {
	if e.Dialect != dialect.Postgres {
		return skipped("what is looked for is a pooler of PostgreSQL's")
	}
	check := &Check{}
	owner, err := poolerOf(ctx, e.Config.Database.AdminURL)
	if err != nil {
		return nil, err
	}
	serving := owner
	if !e.Config.Database.URL.Equal(e.Config.Database.AdminURL) {
		if serving, err = poolerOf(ctx, e.Config.Database.URL); err != nil {
			return nil, err
		}
	}
	check.Note = "owner: " + string(owner) + "; serving: " + string(serving)
	if owner == transactionMode {
		check.add(Problem, "the owner's connections go through a pooler in transaction mode: migrations need sessions, so set TENANCY_DATABASE_ADMIN_URL to the server itself")
	}
	if serving == transactionMode {
		check.add(Hint, "the serving connections go through a pooler in transaction mode: PgBouncer 1.21 or newer needs max_prepared_statements, an older one postgres.Config.Unnamed")
	}
	return check, nil
}

// pooling is how connections reach the server.
type pooling string

const (
	direct          pooling = "direct"
	sessionMode     pooling = "a pooler in session mode"
	transactionMode pooling = "a pooler in transaction mode"
)

// poolerOf opens a few connections at once. If two of them, both open, are served
// by one process of the server, what is between gives it to each transaction
// anew. If the process is not the one that the connection was told of when it
// began, there is something between.
func poolerOf(ctx context.Context, address tenancy.Secret) (pooling, error) {
	found, seen := direct, map[uint32]bool{}
	for range clients {
		config, err := pgx.ParseConfig(address.Reveal())
		if err != nil {
			return "", errors.New("the database URL cannot be used")
		}
		config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // what every pooler bears
		conn, err := pgx.ConnectConfig(ctx, config)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
		var process uint32
		if err := conn.QueryRow(ctx, "SELECT pg_backend_pid()").Scan(&process); err != nil {
			return "", err
		}
		switch {
		case seen[process]:
			return transactionMode, nil
		case process != conn.PgConn().PID():
			found = sessionMode
		}
		seen[process] = true
	}
	return found, nil
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
