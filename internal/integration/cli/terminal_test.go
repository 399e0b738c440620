package cli_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// patience is how long a screen may take to show something. Nothing depends on
// how long it does take.
const patience = time.Minute

// session is one person at a terminal.
type session struct {
	t    *testing.T
	env  []string
	dir  string
	cmd  *exec.Cmd
	tty  *os.File
	term vt10x.Terminal
	done chan struct{}
}

// start types a command. The terminal is a new one, 120 columns wide.
func (s *session) start(args ...string) {
	s.t.Helper()
	s.cmd = exec.CommandContext(s.t.Context(), filepath.Join(program, "tenancy"), args...)
	s.cmd.Dir, s.cmd.Env = s.dir, s.env
	tty, err := pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 50, Cols: 120})
	if err != nil {
		s.t.Fatal(err)
	}
	s.tty, s.term, s.done = tty, vt10x.New(vt10x.WithSize(120, 50)), make(chan struct{})
	go func() {
		defer close(s.done)
		_, _ = io.Copy(s.term, tty) // ends with an error when the program does
	}()
}

// screen is the text on the screen.
func (s *session) screen() string { return s.term.String() }

// sees waits until the screen shows all of the texts.
func (s *session) sees(texts ...string) {
	s.t.Helper()
	deadline := time.Now().Add(patience)
	for {
		screen, missing := s.screen(), ""
		for _, text := range texts {
			if !strings.Contains(screen, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		select {
		case <-s.done:
			if strings.Contains(s.screen(), missing) {
				continue
			}
		case <-time.After(20 * time.Millisecond):
			if time.Now().Before(deadline) {
				continue
			}
		}
		s.t.Fatalf("the screen does not show %q:\n%s", missing, strings.TrimSpace(screen))
	}
}

// types sends keys.
func (s *session) types(keys string) {
	s.t.Helper()
	if _, err := io.WriteString(s.tty, keys); err != nil {
		s.t.Fatal(err)
	}
}

// ends waits for the end of the program, and returns what is on the screen then.
func (s *session) ends(code int) string {
	s.t.Helper()
	<-s.done
	err := s.cmd.Wait()
	s.tty.Close()
	if got := s.cmd.ProcessState.ExitCode(); got != code {
		s.t.Fatalf("it ended with %d, and should have with %d: %v\n%s", got, code, err, strings.TrimSpace(s.screen()))
	}
	return s.screen()
}

// run is a command that nobody has to answer.
func (s *session) run(code int, args ...string) string {
	s.t.Helper()
	s.start(args...)
	return s.ends(code)
}

// notes is the first migration.
const notes = "CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id varchar(255) NOT NULL, label varchar(255) NOT NULL);"

// newSession makes a home with migrations for a person at a terminal.
func newSession(t *testing.T, d database) *session {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "tenants"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, home := &session{t: t, dir: dir}, d.home(t, dir)
	s.env = append(os.Environ(), "TERM=xterm", "TENANCY_DATABASE_URL="+home, "TENANCY_DATABASE_TENANTS_DIR="+filepath.Join(dir, "tenants"), "TENANCY_ISOLATION_DEFAULT=schema",
		"TENANCY_ISOLATION_PREFIX="+newPrefix(t, d, home))
	s.migration("20260101000000_notes.sql", notes)
	return s
}

func (s *session) migration(name, text string) {
	s.t.Helper()
	if err := migration(filepath.Join(s.dir, "migrations", "tenant"), name, text); err != nil {
		s.t.Fatal(err)
	}
}

// TestTerminal walks through the life of a tenant at a terminal.
func TestTerminal(t *testing.T) {
	t.Parallel()
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := newSession(t, d)
			for _, name := range []string{"acme", "globex"} {
				if screen := s.run(0, "tenant", "create", name); !strings.Contains(screen, name+": active") {
					t.Fatal(screen)
				}
			}
			if screen := s.run(0, "tenant", "suspend", "acme"); !strings.Contains(screen, "acme: active → suspended") {
				t.Fatal(screen)
			}
			s.migration("20260102000000_label.sql", "CREATE INDEX notes_label ON notes (label);")
			screen := s.run(0, "migrate", "apply")
			for _, want := range []string{"100%", "tenants", "2 applied, 0 unchanged, 0 failed, 0 skipped"} {
				if !strings.Contains(screen, want) {
					t.Errorf("the screen does not show %q:\n%s", want, screen)
				}
			}
			s.migration("20260103000000_bad.sql", "CREATE INDEX bad ON nothing (label);")
			screen = s.run(3, "migrate", "apply")
			for _, want := range []string{"failed     acme", "failed     globex", "20260103000000_bad.sql:1", "0 applied, 0 unchanged, 2 failed"} {
				if !strings.Contains(screen, want) {
					t.Errorf("the screen does not show %q:\n%s", want, screen)
				}
			}
			confirmations(t, s)
		})
	}
}

// confirmations answers what is asked before something is destroyed.
func confirmations(t *testing.T, s *session) {
	t.Helper()
	s.start("tenant", "erase", "acme")
	s.sees(`Type "acme" to confirm:`)
	s.types("globex\n")
	if screen := s.ends(2); !strings.Contains(screen, "not confirmed: nothing was done") {
		t.Error(screen)
	}
	s.start("tenant", "erase", "acme")
	s.sees(`Type "acme" to confirm:`)
	s.types("\x03")
	if screen := s.ends(130); !strings.Contains(screen, "interrupted") {
		t.Error(screen)
	}
	if screen := s.run(0, "tenant", "show", "acme"); !strings.Contains(screen, "suspended") {
		t.Error(screen)
	}
	s.start("tenant", "erase", "acme")
	s.sees(`Type "acme" to confirm:`)
	s.types("acme\n")
	if screen := s.ends(0); !strings.Contains(screen, "acme: suspended → gone for good") {
		t.Error(screen)
	}
	if screen := s.run(0, "tenant", "list"); strings.Contains(screen, "acme") || !strings.Contains(screen, "globex") {
		t.Error(screen)
	}
}

// TestInterruptedFinishesWhatWasBegun presses Ctrl-C while a tenant is migrated: that
// one is finished, and no other is begun.
func TestInterruptedFinishesWhatWasBegun(t *testing.T) {
	t.Parallel()
	postgres := databases()[1]
	s := newSession(t, postgres)
	const tenants = 3
	for i := range tenants {
		s.run(0, "tenant", "create", fmt.Sprintf("tenant-%d", i))
	}
	s.migration("20260102000000_slow.sql", "SELECT pg_sleep(2);\nCREATE INDEX notes_label ON notes (label);")
	s.start("migrate", "apply", "--concurrency", "1")
	db := postgres.open(t, valueOf(s.env, "TENANCY_DATABASE_URL"))
	for deadline := time.Now().Add(patience); len(rows(t, db, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("it never began:\n", s.screen())
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.types("\x03")
	screen := s.ends(130)
	for _, want := range []string{"finishing what was begun", "1 applied, 0 unchanged, 0 failed, 0 skipped"} {
		if !strings.Contains(screen, want) {
			t.Errorf("the screen does not show %q:\n%s", want, screen)
		}
	}
	if screen := s.run(3, "migrate", "status"); !strings.Contains(screen, "1 up to date, 2 behind") {
		t.Error(screen)
	}
}

// valueOf returns a variable of an environment.
func valueOf(env []string, name string) string {
	for _, pair := range env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}
