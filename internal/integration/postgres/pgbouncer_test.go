//go:build unix

package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestPgBouncer has 32 clients of 32 tenants share one connection to the server.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	program := pgBouncer(t)
	const half, rounds = 16, 40
	w := newWorldOf(t, half, half)
	config := startPgBouncer(t, program, w)
	for name, choice := range map[string]postgres.Config{
		"unnamed": {Unnamed: true}, "unnamed, eager": {Unnamed: true, EagerBegin: true}, "found out": {},
	} {
		t.Run(name, func(t *testing.T) {
			connector, err := postgres.NewConnector(config, choice)
			must(t, err)
			l := &load{w: w}
			l.run(rounds, func(int) *sql.DB { return sql.OpenDB(connector) }, func(number int, db *sql.DB, round int) error {
				if round%3 > 0 {
					return w.check(w.as(t, number), number, db)
				}
				tx, err := db.BeginTx(w.as(t, number), nil)
				if err != nil {
					return err
				}
				defer func() { _ = tx.Rollback() }()
				if err := w.check(w.as(t, number), number, tx); err != nil {
					return err
				}
				return tx.Commit()
			})
			t.Logf("%d answers, %d errors", l.right.Load(), l.failed.Load())
			for _, wrong := range l.wrong {
				t.Error(wrong)
			}
			// Until the connector knows, a transaction may fail whose statements are gone.
			if failed := l.failed.Load(); failed > 0 && choice.Unnamed || failed > 32 {
				t.Errorf("%d errors, the first is %v", failed, l.first)
			}
		})
	}
	// The same load does find leaks, where there are any.
	t.Run("the naive way leaks", func(t *testing.T) {
		naive := config.Copy()
		naive.DefaultQueryExecMode = pgx.QueryExecModeExec
		l := &load{w: w}
		l.run(rounds, func(int) *sql.DB { return stdlib.OpenDB(*naive) }, func(number int, db *sql.DB, _ int) error {
			tenant := w.tenants[number]
			set := "SET tenancy.tenant_id = " + literal(tenant)
			if number >= half {
				set += "; SET search_path = " + quoted(tenant.Placement.Schema)
			}
			if _, err := db.ExecContext(t.Context(), set); err != nil {
				return err
			}
			err := w.check(t.Context(), number, db)
			_, reset := db.ExecContext(t.Context(), "RESET tenancy.tenant_id; RESET search_path")
			return errors.Join(err, reset)
		})
		if len(l.wrong) == 0 {
			t.Error("session variables leaked nothing: the load is too small to show what the driver is for")
		}
		t.Logf("%d right, %d wrong", l.right.Load(), len(l.wrong))
	})
}

// load counts what becomes of the same work for every tenant at once.
type load struct {
	w             *world
	right, failed atomic.Int64
	mu            sync.Mutex
	wrong         []error
	first         error
}

func (l *load) run(rounds int, open func(number int) *sql.DB, do func(number int, db *sql.DB, round int) error) {
	var group sync.WaitGroup
	for number := range l.w.tenants {
		group.Go(func() {
			db := open(number)
			defer func() { _ = db.Close() }()
			db.SetMaxOpenConns(1)
			for round := range rounds {
				l.count(do(number, db, round))
			}
		})
	}
	group.Wait()
}

func (l *load) count(err error) {
	if err == nil {
		l.right.Add(1)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong errWrong
	if errors.As(err, &wrong) {
		l.wrong = append(l.wrong, wrong)
		return
	}
	if l.failed.Add(1) == 1 {
		l.first = err
	}
}

// pgBouncer returns the program, or skips the test where there is none.
func pgBouncer(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer"} {
		if program, err := exec.LookPath(name); err == nil {
			return program
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("no PgBouncer is installed: apt-get install pgbouncer")
	}
	t.Skip("no PgBouncer is installed: apt-get install pgbouncer")
	return ""
}

// startPgBouncer starts one with a single connection to the world's database,
// in transaction mode, and returns how to reach it.
func startPgBouncer(t *testing.T, program string, w *world) *pgx.ConnConfig {
	t.Helper()
	server, err := url.Parse(w.url)
	must(t, err)
	password, _ := server.User.Password()
	dir, err := os.MkdirTemp("", "tenancy-pgbouncer-") //nolint:usetesting // Another account has to read it.
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	port := freePort(t)
	settings := fmt.Sprintf(`[databases]
pooled = host=%s port=%s dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 1
max_client_conn = 200
`, server.Hostname(), server.Port(), server.Path[1:], server.User.Username(), password, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	must(t, os.WriteFile(file, []byte(settings), 0o600))

	command := exec.CommandContext(context.WithoutCancel(t.Context()), program, file)
	if os.Geteuid() == 0 { // which PgBouncer will not run as
		uid, gid := account(t, "nobody")
		must(t, os.Chown(dir, uid, gid))
		must(t, os.Chown(file, uid, gid))
		command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
	must(t, command.Start())
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	config, err := pgx.ParseConfig(fmt.Sprintf("postgres://anybody@127.0.0.1:%d/pooled?sslmode=disable", port))
	must(t, err)
	waitFor(t, config)
	return config
}

func waitFor(t *testing.T, config *pgx.ConnConfig) {
	t.Helper()
	db := stdlib.OpenDB(*config)
	defer db.Close()
	deadline := time.Now().Add(10 * time.Second)
	for db.PingContext(t.Context()) != nil {
		if time.Now().After(deadline) {
			t.Fatal("PgBouncer does not answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func account(t *testing.T, name string) (uid, gid int) {
	t.Helper()
	found, err := user.Lookup(name)
	must(t, err)
	uid, err = strconv.Atoi(found.Uid)
	must(t, err)
	gid, err = strconv.Atoi(found.Gid)
	must(t, err)
	return uid, gid
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	address, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	return address.Port
}
