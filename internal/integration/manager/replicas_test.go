package manager_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// TestStartRefusesAReplicaThatDoesNotHold has a role that bypasses row-level security
// there, a copy of the table without policies, and one that ignores case.
func TestStartRefusesAReplicaThatDoesNotHold(t *testing.T) {
	t.Parallel()
	copied := func(c manager.Config) manager.Config {
		by := c
		by.Isolation.Default = tenancy.IsolationShared // nobody looks
		by.Tenants, by.Migrations = manager.TenantsConfig{}, manager.MigrationsConfig{}
		m := open(t, by, manager.App{})
		_, err := m.Operator().Home().ExecContext(t.Context(), notesTable)
		must(t, err)
		return c
	}
	for name, test := range map[string]struct {
		dialect string
		replica func(manager.Config) tenancy.Secret
		refused error
		says    string
	}{
		"role":        {dialect.Postgres, func(c manager.Config) tenancy.Secret { return c.Database.SystemURL }, postgres.ErrUnsafe, "BYPASSRLS"},
		"no policies": {dialect.Postgres, func(manager.Config) tenancy.Secret { return copied(postgresConfig(t)).Database.URL }, postgres.ErrUnsafe, "row-level security is off"},
		"collation":   {dialect.MySQL, func(manager.Config) tenancy.Secret { return copied(mysqlConfig(t)).Database.URL }, mysql.ErrUnsafe, "`notes`"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := configs()[test.dialect](t)
			c.Migrations.AtStart = true
			c.Database.ReplicaURLs = []tenancy.Secret{c.Database.URL, test.replica(c)}
			files := migrations(t, test.dialect)
			m, err := manager.New(t.Context(), c, manager.App{Migrations: files, SharedMigrations: files, Tenancy: notes()})
			must(t, err)
			defer m.Close()
			err = m.Start(t.Context())
			if !errors.Is(err, test.refused) || !strings.Contains(err.Error(), "address 2 of TENANCY_DATABASE_REPLICA_URLS") || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it starts: %v", err)
			}
		})
	}
}

// TestAStandbyThatLags has one that has not heard yet of what Start migrates.
func TestAStandbyThatLags(t *testing.T) {
	t.Parallel()
	server := servers.NewPrivatePostgres(t)
	owner, app, _ := server.Roles(t)
	standby := server.Standby(t)
	admin, err := sql.Open("pgx", standby.Admin())
	must(t, err)
	defer admin.Close()
	replay := func(how string) error {
		_, err := admin.ExecContext(t.Context(), "SELECT pg_wal_replay_"+how+"()")
		return err
	}
	must(t, replay("pause"))

	files := migrations(t, dialect.Postgres)
	c := manager.Config{Database: manager.DatabaseConfig{
		URL: tenancy.NewSecret(app), AdminURL: tenancy.NewSecret(owner), ReplicaURLs: []tenancy.Secret{tenancy.NewSecret(standby.At(t, app))},
	}}
	c.Migrations.AtStart = true
	m, err := manager.New(t.Context(), c, manager.App{
		Migrations: files, SharedMigrations: files, Tenancy: notes(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	must(t, err)
	defer m.Close()
	started := make(chan error, 1)
	go func() { started <- m.Start(t.Context()) }()
	await(t, "it has found that the standby lags", func() bool {
		var waits bool
		must(t, admin.QueryRowContext(t.Context(), "SELECT count(*) > 0 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND query LIKE '%pg_last_wal_replay_lsn%'").Scan(&waits))
		return waits || len(started) > 0
	})
	must(t, replay("resume"))
	must(t, <-started)

	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "acme"})
	must(t, err)
	await(t, "the standby answers", func() bool { return reads(t, m, acme, "SELECT pg_is_in_recovery()") == "true" })
}

// TestAReplicaThatIsAway is answered for by the home, and asked when it is back and was verified.
func TestAReplicaThatIsAway(t *testing.T) {
	t.Parallel()
	const who = "SELECT current_setting('application_name')"
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	link := newLink(t, c.Database.URL)
	safe, unsafe := link.to(t, c.Database.URL, "safe"), link.to(t, c.Database.SystemURL, "unsafe")
	c.Database.ReplicaURLs = []tenancy.Secret{safe, unsafe}
	var log lockedBuffer
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "acme"})
	must(t, err)
	if got := reads(t, m, acme, who); got != "" {
		t.Errorf("away: %q answers", got)
	}
	link.up(t)
	await(t, "the replica answers", func() bool { return reads(t, m, acme, who) == "safe" })
	await(t, "the other one is refused", func() bool { return strings.Contains(log.String(), "BYPASSRLS") })
	for range 10 {
		if got := reads(t, m, acme, who); got == "unsafe" {
			t.Error("it answers without having been verified")
		}
	}
	link.down()
	await(t, "the home answers in its place", func() bool { return reads(t, m, acme, who) == "" })
	must(t, m.Ready(t.Context()))
	link.up(t)
	await(t, "the replica is back", func() bool { return reads(t, m, acme, who) == "safe" })
}

// TestAMySQLReplicaThatLetsNobodyIn any more is answered for by the home.
func TestAMySQLReplicaThatLetsNobodyIn(t *testing.T) {
	t.Parallel()
	const who = "SELECT substring_index(current_user(), '@', 1)"
	c := mysqlConfig(t)
	c.Migrations.AtStart = true
	at, err := url.Parse(c.Database.AdminURL.Reveal())
	must(t, err)
	password, _ := at.User.Password()
	dsn := gomysql.NewConfig()
	dsn.User, dsn.Passwd, dsn.Net, dsn.Addr, dsn.DBName = at.User.Username(), password, "tcp", at.Host, strings.TrimPrefix(at.Path, "/")
	home, err := url.Parse(c.Database.URL.Reveal())
	must(t, err)
	name, password := mysqlUser(t, dsn.FormatDSN(), dsn.DBName)
	copied := *home
	copied.User = url.UserPassword(name, password)
	c.Database.ReplicaURLs = []tenancy.Secret{tenancy.NewSecret(copied.String())}

	files := migrations(t, dialect.MySQL)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "acme"})
	must(t, err)
	if got := reads(t, m, acme, who); got != name {
		t.Fatalf("%q answers, want the replica", got)
	}
	admin, err := sql.Open("mysql", dsn.FormatDSN())
	must(t, err)
	defer admin.Close()
	for _, statement := range []string{"ALTER USER " + name + " ACCOUNT LOCK", "KILL USER " + name} {
		_, err := admin.ExecContext(t.Context(), statement)
		must(t, err)
	}
	await(t, "the home answers in its place", func() bool { return reads(t, m, acme, who) == home.User.Username() })
}

// TestReplicasThatSayNothing and take connections keep no program from starting.
func TestReplicasThatSayNothing(t *testing.T) {
	t.Parallel()
	for _, of := range []string{dialect.Postgres, dialect.MySQL} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			c := configs()[of](t)
			c.Migrations.AtStart = true
			c.Database.ConnectTimeout = 10 * time.Minute
			silent := silent(t, c.Database.URL)
			c.Database.ReplicaURLs = []tenancy.Secret{silent, silent, c.Database.URL}
			var log lockedBuffer
			files := migrations(t, of)
			m, err := manager.New(t.Context(), c, manager.App{
				Migrations: files, SharedMigrations: files, Tenancy: notes(), Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			must(t, err)
			defer m.Close()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			must(t, m.Start(ctx))
			must(t, ctx.Err())
			if n := strings.Count(log.String(), "a replica could not be verified"); n != 2 {
				t.Errorf("%d replicas are left out, want 2: %s", n, log.String())
			}
			must(t, m.Ready(t.Context()))
		})
	}
}

// TestAReplicaIsBackBesideASilentOne, which keeps nobody waiting, and neither does a logger
// that panics where it is told.
func TestAReplicaIsBackBesideASilentOne(t *testing.T) {
	t.Parallel()
	const who = "SELECT current_setting('application_name')"
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	c.Database.ConnectTimeout = 10 * time.Minute
	link := newLink(t, c.Database.URL)
	c.Database.ReplicaURLs = []tenancy.Secret{silent(t, c.Database.URL), link.to(t, c.Database.URL, "safe")}
	files := migrations(t, dialect.Postgres)
	log := panics{text: new(lockedBuffer), at: "a replica is verified"}
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(log)})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "acme"})
	must(t, err)
	time.Sleep(3 * time.Second) // until the silent one is looked at
	link.up(t)
	began := time.Now()
	await(t, "the replica answers", func() bool { return reads(t, m, acme, who) == "safe" })
	if waited := time.Since(began); waited > 30*time.Second {
		t.Errorf("it was asked after %s", waited)
	}
	await(t, "the logger is told", func() bool { return strings.Contains(log.text.String(), log.at) })
}

// panics is a logger that panics at a text when it has written it.
type panics struct {
	text *lockedBuffer
	at   string
}

func (panics) Enabled(context.Context, slog.Level) bool { return true }

func (p panics) Handle(_ context.Context, r slog.Record) error {
	_, _ = io.WriteString(p.text, r.Message+"\n")
	if strings.Contains(r.Message, p.at) {
		panic("the logger's own")
	}
	return nil
}

func (p panics) WithAttrs([]slog.Attr) slog.Handler { return p }

func (p panics) WithGroup(string) slog.Handler { return p }

// silent returns a URL at which connections are taken, and nobody says anything.
func silent(tb testing.TB, address tenancy.Secret) tenancy.Secret {
	tb.Helper()
	at, err := url.Parse(address.Reveal())
	must(tb, err)
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0") // nobody accepts
	must(tb, err)
	tb.Cleanup(func() { must(tb, listener.Close()) })
	at.Host = listener.Addr().String()
	return tenancy.NewSecret(at.String())
}

// reads returns the one text that a tenant's query finds, which a replica may answer,
// and says nothing of a connection that breaks.
func reads(tb testing.TB, m *manager.Manager, t tenancy.Tenant, query string) (text string) {
	tb.Helper()
	rows, err := m.Driver().QueryContext(driver.Replica(tenancy.NewContext(tb.Context(), t)), query)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	for rows.Next() {
		must(tb, rows.Scan(&text))
	}
	must(tb, rows.Err())
	return text
}

// await waits for a condition.
func await(tb testing.TB, what string, is func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(time.Minute); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("in vain: %s", what)
		}
	}
}

// link is an address at which a server can be reached, or not.
type link struct {
	server, address string

	mu       sync.Mutex
	listener net.Listener
	conns    []net.Conn
}

// newLink returns one to the server of a URL. It is down.
func newLink(tb testing.TB, server tenancy.Secret) *link {
	tb.Helper()
	at, err := url.Parse(server.Reveal())
	must(tb, err)
	l := &link{server: at.Host, address: "127.0.0.1:0"}
	l.up(tb)
	l.address = l.listener.Addr().String()
	l.down()
	tb.Cleanup(l.down)
	return l
}

// to returns a URL by way of the link, whose connections have a name.
func (l *link) to(tb testing.TB, address tenancy.Secret, name string) tenancy.Secret {
	tb.Helper()
	at, err := url.Parse(address.Reveal())
	must(tb, err)
	at.Host = l.address
	return named(tb, tenancy.NewSecret(at.String()), name)
}

// named returns a URL whose connections have a name.
func named(tb testing.TB, address tenancy.Secret, name string) tenancy.Secret {
	tb.Helper()
	at, err := url.Parse(address.Reveal())
	must(tb, err)
	query := at.Query()
	query.Set("application_name", name)
	at.RawQuery = query.Encode()
	return tenancy.NewSecret(at.String())
}

func (l *link) up(tb testing.TB) {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", l.address)
	must(tb, err)
	l.mu.Lock()
	l.listener = listener
	l.mu.Unlock()
	go func() {
		for {
			here, err := listener.Accept()
			if err != nil {
				return
			}
			there, err := new(net.Dialer).DialContext(context.Background(), "tcp", l.server)
			if err != nil {
				_ = here.Close()
				continue
			}
			l.mu.Lock()
			l.conns = append(l.conns, here, there)
			l.mu.Unlock()
			go func() { _, _ = io.Copy(there, here); _ = there.Close() }()
			go func() { _, _ = io.Copy(here, there); _ = here.Close() }()
		}
	}()
}

func (l *link) down() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.listener.Close()
	for _, conn := range l.conns {
		_ = conn.Close()
	}
	l.conns = nil
}

// lockedBuffer is written to by several goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
