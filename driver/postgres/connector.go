package postgres

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/internal/replica"
)

// Setting is the PostgreSQL setting that holds the tenant's id while one of its
// statements runs. Row-level security policies compare it in the form
//
//	tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), ''))
//
// because a setting that was made locally reads as the empty string, and not as
// NULL, when its transaction is over.
const Setting = "tenancy.tenant_id"

const (
	// defaultStatementCache is as many statements as pgx keeps.
	defaultStatementCache = 512
	// defaultSchemaStatements is four statements for each of a thousand schemas.
	defaultSchemaStatements = 4096
)

// enoughLost is how many times within so long a connector finds its prepared
// statements gone before it does without them. One such loss can be somebody's
// DISCARD ALL. A pooler that does not keep statements loses them all the time.
const (
	enoughLost = 3
	lostWithin = time.Minute
)

// Config says how a [Connector] works. The zero Config is good for PostgreSQL
// itself and for PgBouncer 1.21 and newer.
type Config struct {
	// SchemaVersion returns the version of the tenant's schema, which keeps the
	// prepared statements of different versions apart. It becomes part of the SQL
	// text, as a comment, and must consist of letters, digits and ._-. It is
	// called for every statement, from several goroutines, and must not block.
	// Defaults to none: all tenants have the same schema.
	SchemaVersion func(tenancy.Tenant) string

	// StatementCache is how many prepared statements a connection keeps, not
	// counting SchemaStatements. One counts once more for each 4 kB of its text.
	// Defaults to 512.
	StatementCache int

	// SchemaStatements is how many prepared statements of one tenant's schema each
	// a connection keeps besides, for tenants with tenancy.IsolationSchema. Other
	// schemas share one for each text, which the server has to analyse and plan
	// anew whenever the schema is another than the last one's: about 140 µs, and
	// 60 with a statement of its own. For each the server needs about 20 kB for as
	// long as the connection has it: one counts once more for each 512 bytes of its
	// text, which take as much again. Only those are made that are used more than
	// once and have no more than 4 kB of text, and those whose types the schema has
	// of its own. Defaults to 4096, which is 80 MB.
	SchemaStatements int

	// Unnamed does without prepared statements, for PgBouncer before 1.21 in
	// transaction mode. Parsing on every use costs the server about 30 µs, and
	// arguments are encoded by their Go type alone. Defaults to false; it is
	// implied by a pgx configuration whose DefaultQueryExecMode is
	// QueryExecModeExec or QueryExecModeSimpleProtocol.
	Unnamed bool

	// EagerBegin sends BEGIN when a transaction begins, and not with its first
	// statement. Defaults to false.
	EagerBegin bool

	// RefuseSystem fails the statements of a System scope with [ErrSystem].
	// Defaults to false.
	RefuseSystem bool

	// AllowSystem is asked before each statement and transaction of a System scope that
	// RefuseSystem does not refuse, and they fail with what it returns. It is called
	// from several goroutines. Defaults to none: they are allowed.
	AllowSystem func(context.Context) error

	// Fallback is the scope of statements whose context has none. It is for a
	// connector of its own that migrates, of the role that owns the tables: ent's
	// automatic migration asks for the server's version under
	// context.Background(). One that serves requests must not have it.
	// Defaults to none: such statements fail with tenancy.ErrNoTenant.
	Fallback *tenancy.Scope

	// Stdlib are options for the wrapped stdlib connector, such as
	// stdlib.OptionAfterConnect. What they do to a connection has no tenant.
	Stdlib []stdlib.OptionOpenDB
}

// Connector opens connections whose statements act for the tenant in their
// context. It is a [driver.Connector], made by [NewConnector], and safe for
// concurrent use.
type Connector struct {
	config Config
	std    driver.Connector
	tracer tracer
	// only is the tenant whose database it is. No other scope is served there,
	// whoever got hold of a connection. Empty for a database of many.
	only tenancy.ID
	// unnamed and losses belong to all connections: they share the pooler.
	unnamed atomic.Bool
	losses  losses
	apart   apart // the texts of which schemas need statements of their own
}

// losses counts the prepared statements that were lost within a time.
type losses struct {
	mu    sync.Mutex
	since time.Time
	count int
}

// NewConnector returns a connector for the database that pg names, a
// configuration from [pgx.ParseConfig]. Both are copied. It does not connect.
func NewConnector(pg *pgx.ConnConfig, config Config) (*Connector, error) {
	if pg == nil {
		return nil, errors.New("postgres: NewConnector needs a pgx configuration")
	}
	if config.StatementCache < 0 || config.SchemaStatements < 0 {
		return nil, fmt.Errorf("postgres: Config.StatementCache is %d and Config.SchemaStatements %d, and neither must be negative",
			config.StatementCache, config.SchemaStatements)
	}
	for name := range pg.RuntimeParams {
		if strings.EqualFold(name, Setting) {
			return nil, fmt.Errorf("postgres: RuntimeParams must not have %s: it would give a tenant to a whole connection", Setting)
		}
	}
	config.StatementCache = cmp.Or(config.StatementCache, defaultStatementCache)
	config.SchemaStatements = cmp.Or(config.SchemaStatements, defaultSchemaStatements)
	c := &Connector{config: config, tracer: newTracer(pg.Tracer), apart: newApart()}
	pg = pg.Copy()
	pg.AfterConnect = noteSession(pg.AfterConnect)
	c.std = stdlib.GetConnector(*pg, config.Stdlib...)
	switch pg.DefaultQueryExecMode {
	case pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol:
		c.unnamed.Store(true)
	default:
		c.unnamed.Store(config.Unnamed)
	}
	return c, nil
}

// Connect opens a connection. It needs no tenant, since it belongs to none.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.open(ctx)
	if err != nil {
		return nil, replica.Unreached(pgerror.WithoutConfig(err))
	}
	std, ok := opened.(*stdlib.Conn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("postgres: stdlib opened a %T", opened), opened.Close())
	}
	return newConn(c, std), nil
}

// open has stdlib open a connection. Where an OptionAfterConnect fails, stdlib leaves
// the session open, which nobody could close any more.
func (c *Connector) open(ctx context.Context) (driver.Conn, error) {
	var began session
	opened := false
	defer func() {
		if !opened { // by an error or a panic
			began.end(ctx)
		}
	}()
	conn, err := c.std.Connect(context.WithValue(ctx, sessionKey{}, &began))
	opened = err == nil
	return conn, err
}

// session is one that a connector has just begun.
type session struct{ wire *pgconn.PgConn }

type sessionKey struct{}

// noteSession has the connector know of a session before anything is done with it.
func noteSession(next pgconn.AfterConnectFunc) pgconn.AfterConnectFunc {
	return func(ctx context.Context, wire *pgconn.PgConn) error {
		if began, ok := ctx.Value(sessionKey{}).(*session); ok {
			began.wire = wire
		}
		if next == nil {
			return nil
		}
		return next(ctx, wire)
	}
}

func (s *session) end(ctx context.Context) {
	if s.wire == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	lingers(s.wire)
	_ = s.wire.Close(ctx)
}

// Driver returns a driver that opens nothing: a data source name says nothing
// of how tenants are kept apart.
func (c *Connector) Driver() driver.Driver { return connectorOnly{} }

// lostStatement counts a prepared statement that the server did not know.
func (c *Connector) lostStatement() {
	c.losses.mu.Lock()
	defer c.losses.mu.Unlock()
	if time.Since(c.losses.since) > lostWithin {
		c.losses.since, c.losses.count = time.Now(), 0
	}
	if c.losses.count++; c.losses.count >= enoughLost {
		c.unnamed.Store(true)
	}
}

type connectorOnly struct{}

// Switches implements package driver's Switcher: each statement acts for the
// tenant of its context.
func (connectorOnly) Switches(isolation tenancy.Isolation) bool {
	return isolation == tenancy.IsolationRLS || isolation == tenancy.IsolationSchema
}

func (connectorOnly) Open(string) (driver.Conn, error) {
	return nil, errors.New("postgres: open connections through sql.OpenDB and NewConnector")
}
