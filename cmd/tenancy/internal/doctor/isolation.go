package doctor

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/catalog"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// isolation has the database checked by what an application checks when it
// starts: on PostgreSQL the role that serves, policies, FORCE, composite keys; on
// MySQL the collations of the tenant columns.
func (e *examination) isolation(ctx context.Context) (*Check, error) {
	if e.Dialect == dialect.SQLite {
		return skipped("row-level security is PostgreSQL's")
	}
	tables, err := e.TenantTables(ctx, e.Home, e.Schema())
	if err != nil {
		return nil, err
	}
	if len(tables.Tables) == 0 {
		return skipped("the home has no tables with the column " + e.Config.TenantColumn)
	}
	check := &Check{Note: plural(len(tables.Tables), "table") + " looked at, with the role of the database URL"}
	if e.Dialect == dialect.MySQL {
		e.grants(ctx, check)
		return check, check.unsafe(mysql.Verify(ctx, e.Serving(), tables), mysql.ErrUnsafe)
	}
	return check, e.rowLevelSecurity(ctx, check, tables)
}

// rowLevelSecurity adds what PostgreSQL does not hold, and what is slow.
func (e *examination) rowLevelSecurity(ctx context.Context, check *Check, tables schema.Metadata) error {
	if err := check.unsafe(e.OneHome(ctx), postgres.ErrUnsafe); err != nil {
		return err
	}
	config := postgres.VerifyConfig{Schema: e.Schema(), KeepsRegistry: e.OneRole()}
	hints, err := postgres.Verify(ctx, e.Serving(), tables, config)
	if err := check.unsafe(err, postgres.ErrUnsafe); err != nil {
		return err
	}
	if err := e.soften(ctx, check, tables, config); err != nil {
		return err
	}
	for _, hint := range hints {
		check.add(Hint, hint.String())
	}
	return e.system(ctx, check, tables, config)
}

// system adds what System scopes are not shown, or may not do.
func (e *examination) system(ctx context.Context, check *Check, tables schema.Metadata, config postgres.VerifyConfig) error {
	db := e.System()
	if db == nil {
		return nil
	}
	check.Note += "; System scopes with that of the system URL"
	hints, err := postgres.VerifySystem(ctx, db, tables, config)
	if err := check.unsafe(err, postgres.ErrUnsafe); err != nil {
		return err
	}
	for _, hint := range hints {
		check.add(Problem, hint.String())
	}
	return nil
}

// grants hints at rights to the registry where another account owns it. In MySQL they
// are mostly granted for the whole database at once.
func (e *examination) grants(ctx context.Context, check *Check) {
	if e.OneRole() {
		return
	}
	rows, err := e.Serving().QueryContext(ctx, "SELECT 1 FROM tenancy_tenants WHERE 1 = 0")
	if err != nil { // which is as it should be
		return
	}
	defer func() { _ = rows.Close() }() // there are none
	if rows.Err() == nil {
		check.add(Hint, "the user of the database URL may read the registry, and so may SQL that a tenant gets to run: grant the application's tables to it one by one, and not the database")
	}
}

// unsafe adds the lines of an error that is found, and returns any other error.
func (c *Check) unsafe(err, found error) error {
	if !errors.Is(err, found) {
		return err
	}
	_, problems, _ := strings.Cut(err.Error(), "\n")
	for line := range strings.Lines(problems) {
		c.add(Problem, strings.TrimSpace(line))
	}
	return nil
}

// soften makes hints of the problems where nobody relies on row-level security. Where
// tables have the policy, Start relies on it. Those without may be none of the
// application's, and are no reason for it to refuse.
func (e *examination) soften(ctx context.Context, check *Check, tables schema.Metadata, config postgres.VerifyConfig) error {
	if len(check.Findings) == 0 || e.DefaultIsolation() == tenancy.IsolationRLS || e.Config.Isolation.Premium == tenancy.IsolationRLS {
		return nil
	}
	n, err := e.Tenants.Count(ctx, registry.Query{Isolation: tenancy.IsolationRLS})
	if err != nil || n > 0 {
		return err
	}
	left, err := e.policied(ctx, tables, config)
	if err != nil {
		return err
	}
	check.Note += "; no tenant has the isolation rls, so these are hints"
	if len(left.Findings) > 0 {
		check.Note += " where no table with its policy is concerned"
	}
	for _, found := range check.Findings {
		if !slices.Contains(left.Findings, found) {
			left.add(Hint, found.Message)
		}
	}
	check.Findings = left.Findings
	return nil
}

// policied has the problems of tables that have the policy, as if there were no others.
func (e *examination) policied(ctx context.Context, tables schema.Metadata, config postgres.VerifyConfig) (*Check, error) {
	names, err := catalog.Policied(ctx, e.Home, config.Schema)
	if err != nil {
		return nil, err
	}
	tables.Tables = slices.DeleteFunc(slices.Clone(tables.Tables), func(t schema.Table) bool { return !slices.Contains(names, t.Name) })
	check := &Check{}
	if len(tables.Tables) == 0 {
		return check, nil
	}
	_, err = postgres.Verify(ctx, e.Serving(), tables, config)
	return check, check.unsafe(err, postgres.ErrUnsafe)
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

// connectTimeout is the manager's default.
const connectTimeout = 30 * time.Second

// pooler finds out what is between here and PostgreSQL.
func (e *examination) pooler(ctx context.Context) (*Check, error) {
	if e.Dialect != dialect.Postgres {
		return skipped("what is looked for is a pooler of PostgreSQL's")
	}
	check := &Check{}
	timeout := cmp.Or(e.Config.Database.ConnectTimeout, connectTimeout)
	owner, err := poolerOf(ctx, e.Config.Database.AdminURL, timeout)
	if err != nil {
		return nil, err
	}
	serving := owner
	if !e.Config.Database.URL.Equal(e.Config.Database.AdminURL) {
		if serving, err = poolerOf(ctx, e.Config.Database.URL, timeout); err != nil {
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
func poolerOf(ctx context.Context, address tenancy.Secret, timeout time.Duration) (pooling, error) {
	found, seen := direct, map[uint32]bool{}
	for range clients {
		conn, process, err := connect(ctx, address, timeout)
		if err != nil {
			return "", err
		}
		defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
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

// connect opens a connection, and asks which process of the server it is served by. Who
// accepts it and says nothing is waited for no longer than connecting may take.
func connect(ctx context.Context, address tenancy.Secret, timeout time.Duration) (_ *pgx.Conn, process uint32, err error) {
	config, err := pgx.ParseConfig(address.Reveal())
	if err != nil {
		return nil, 0, errors.New("the database URL cannot be used")
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // what every pooler bears
	soon, stop := context.WithTimeout(ctx, timeout)
	defer stop()
	conn, err := pgx.ConnectConfig(soon, config)
	if err != nil {
		return nil, 0, err
	}
	if err := conn.QueryRow(soon, "SELECT pg_backend_pid()").Scan(&process); err != nil {
		return nil, 0, errors.Join(err, conn.Close(context.WithoutCancel(ctx)))
	}
	return conn, process, nil
}

// plural counts things.
func plural(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return strconv.Itoa(n) + " " + thing
}
