// These tests are inside the package: they force servers to be found, started and missed, which its users never ask for.
package servers

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// processVariable makes the test binary a process that starts a private server and waits, for [TestPrivateServerEndsWithItsProcess].
const processVariable = "TENANCY_TEST_START_PRIVATE_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(processVariable) != "" {
		os.Exit(startAndWait())
	}
	goleak.VerifyTestMain(m)
}

func TestPrivateServer(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			found := finder{privateOnly: true}
			t.Cleanup(found.stop)
			address := found.url(t, k)
			if again := found.url(t, k); again != address {
				t.Errorf("a second server was started: %s and %s", address, again)
			}
			if address == k.standard {
				t.Errorf("%s is not a private server", address)
			}
			if err := k.ping(t.Context(), address); err != nil {
				t.Error(err)
			}
			server := found.private[0]
			found.stop()
			requireGone(t, k, address, server.dir)
		})
	}
}

func TestPrivateServersServeTests(t *testing.T) {
	t.Parallel()
	found := finder{privateOnly: true}
	t.Cleanup(found.stop)
	t.Run("PostgreSQL", func(t *testing.T) {
		if err := postgres().ping(t.Context(), postgresDatabase(t, found.url(t, postgres()))); err != nil {
			t.Error(err)
		}
	})
	t.Run("MariaDB", func(t *testing.T) {
		if err := mariaDB().ping(t.Context(), mariaDBDatabase(t, found.url(t, mariaDB()))); err != nil {
			t.Error(err)
		}
	})
}

// TestPrivateServerEndsWithItsProcess kills a process that has started a private server, which leaves it no chance to clean up.
func TestPrivateServerEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	k := redisServer()
	if _, err := k.plan(); errors.Is(err, errNotInstalled) {
		new(finder).url(t, kind{name: k.name, variable: k.variable, ping: unanswered, plan: k.plan}) // skips, or fails in CI
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), processVariable+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	address, dir, _ := strings.Cut(strings.TrimSpace(line), " ")
	if err != nil || dir == "" {
		t.Fatalf("the process started no server: %q, %v", line, err)
	}
	if err := k.ping(t.Context(), address); err != nil {
		t.Errorf("before the kill: %v", err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	requireGone(t, k, address, dir)
}

// startAndWait is the process that gets killed.
func startAndWait() int {
	found := finder{privateOnly: true}
	address, err := found.find(context.Background(), redisServer())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_, _ = fmt.Fprintln(os.Stdout, address, found.private[0].dir)
	_, _ = io.Copy(io.Discard, os.Stdin)
	time.Sleep(time.Minute)
	return 0
}

func TestServerThatWouldNotStart(t *testing.T) {
	t.Parallel()
	broken := kind{
		name: "Broken", variable: "TENANCY_TEST_NOT_SET", ping: unanswered,
		plan: func() (plan, error) {
			return plan{account: "nobody", serve: []string{"sh", "-c", "echo no room; exit 1"}, signal: "TERM"}, nil
		},
	}
	begin := time.Now()
	got := outcome(t, broken)
	if !strings.Contains(got.failed, "would not start") || !strings.Contains(got.failed, "no room") {
		t.Errorf("want a failure that tells the end of the log, got %+v", got)
	}
	if took := time.Since(begin); took > patience/2 {
		t.Errorf("took %v to see that the server had ended", took)
	}
}

func TestNoServerSkipsExceptInCI(t *testing.T) {
	absent := kind{
		name: "Absent", variable: "TENANCY_TEST_ABSENT_URL", ping: unanswered,
		plan: func() (plan, error) { return plan{}, errNotInstalled },
	}
	const want = "servers: no server: tests on Absent need one: run `make services`, or set TENANCY_TEST_ABSENT_URL"

	t.Setenv("CI", "")
	if got := outcome(t, absent); got.skipped != want || got.failed != "" {
		t.Errorf("on a developer's machine: got %+v", got)
	}
	t.Setenv("CI", "true")
	if got := outcome(t, absent); got.failed != want || got.skipped != "" {
		t.Errorf("in CI: got %+v", got)
	}
}

func TestServerInEnvironmentIsUsed(t *testing.T) {
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			started := finder{privateOnly: true}
			t.Cleanup(started.stop)
			address := started.url(t, k)
			t.Setenv(k.variable, address)
			if got := new(finder).url(t, k); got != address {
				t.Errorf("got %s, want the server that %s names, %s", got, k.variable, address)
			}
		})
	}
}

func TestServerInEnvironmentThatDoesNotAnswerFails(t *testing.T) {
	const password = "hunter2secret"
	for _, test := range []struct {
		kind    kind
		address string
	}{
		{postgres(), "postgres://app:" + password + "@127.0.0.1:1/app"},
		{postgres(), "postgres://app:" + password + "@[::1:1/app"},
		{postgres(), "host=127.0.0.1 port=1 user=app password=" + password},
		{mariaDB(), "app:" + password + "@tcp(127.0.0.1:1)/app"},
		{mariaDB(), "mysql://app:" + password + "@127.0.0.1:1/app"},
		{mariaDB(), "app:" + password + "@tcp(127.0.0.1:1/app"},
		{redisServer(), "redis://app:" + password + "@127.0.0.1:1"},
		{redisServer(), "redis://app:%zz" + password + "@127.0.0.1:1"},
	} {
		t.Run(test.kind.name, func(t *testing.T) {
			t.Setenv("CI", "") // so a skip would not look like a failure
			t.Setenv(test.kind.variable, test.address)
			got := outcome(t, test.kind)
			if !strings.Contains(got.failed, test.kind.variable+" is set, but") {
				t.Errorf("want a failure that names the variable, got %+v", got)
			}
			if strings.Contains(got.failed, password) || strings.Contains(got.failed, "\n") {
				t.Errorf("want one line without the password, got %q", got.failed)
			}
		})
	}
}

func TestErrorOfDatabaseHoldsNoPassword(t *testing.T) {
	t.Parallel()
	err := onPostgres(t.Context(), "postgres://app:hunter2secret@127.0.0.1:1/app", "SELECT 1")
	if err == nil || strings.Contains(err.Error(), "hunter2secret") {
		t.Errorf("got %v", err)
	}
}

func unanswered(context.Context, string) error { return errors.New("nobody is there") }

// recorder is a test that notes how it ends instead of ending for good.
type recorder struct {
	testing.TB
	skipped, failed string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return context.WithoutCancel(r.TB.Context()) }
func (r *recorder) Skip(args ...any)         { r.skipped = fmt.Sprint(args...); panic(r) }
func (r *recorder) Fatal(args ...any)        { r.failed = fmt.Sprint(args...); panic(r) }

// outcome asks a new finder for a server and returns how that ends the test.
func outcome(t *testing.T, k kind) (r *recorder) {
	t.Helper()
	r = &recorder{TB: t}
	defer func() {
		if p := recover(); p != nil && p != any(r) {
			panic(p)
		}
	}()
	found := new(finder)
	defer found.stop()
	found.url(r, k)
	return r
}

func requireGone(t *testing.T, k kind, address, dir string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		_, err := os.Stat(dir)
		answer := k.ping(t.Context(), address)
		if os.IsNotExist(err) && answer != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("still there: server %t, directory %t", answer == nil, err == nil)
		}
		time.Sleep(50 * time.Millisecond)
	}
}
