package servers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// plan says how to run a private server in a directory that is thrown away. In its commands and addresses, {dir} stands for that
// directory and {port} for a free TCP port.
type plan struct {
	account string   // the user to run as when tests run as root, which database servers refuse
	prepare []string // the command that fills the directory, if there is one
	serve   []string // the command that stays in the foreground until it gets the signal
	signal  string   // ends the server at once; the data need not survive
	socket  string   // an address that reaches this very server, never another one that took the port
	address string   // the address for tests
}

// private is a running private server.
type private struct {
	address string
	dir     string
	guard   *exec.Cmd
	socket  string
	hold    io.WriteCloser // the guard ends the server when this is closed, or when this process is gone
}

// guardScript runs a server until its standard input ends, and then removes the directory. The input is a pipe that this process holds
// open: whichever way the process ends, killed or timed out as well, the pipe closes, and nothing is left behind. A line of it is a signal
// that ends the server, for another one to take its place. The file "ended" tells that the server ended by itself.
const guardScript = `
dir=$1 signal=$2
shift 2
begin() {
	(
		sh -c 'echo $$ >"$0/server.pid" && exec "$@"' "$dir" "$@" >>"$dir/server.log" 2>&1 </dev/null
		touch "$dir/ended"
	) &
}
end() {
	[ -e "$dir/ended" ] || kill -s "$1" "$(cat "$dir/server.pid")"
	wait
}
begin "$@"
while read -r how; do
	end "$how"
	rm -f "$dir/ended"
	begin "$@"
done
end "$signal"
cd /
rm -rf "$dir"
`

// start runs p and returns when the server answers.
func start(ctx context.Context, k kind, p plan) (*private, error) {
	dir, err := os.MkdirTemp(scratch(), "tenancy-server-")
	if err != nil {
		return nil, err
	}
	server, err := startIn(ctx, dir, k, p)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return server, nil
}

func startIn(ctx context.Context, dir string, k kind, p plan) (*private, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	fill := strings.NewReplacer("{dir}", dir, "{port}", strconv.Itoa(port)).Replace
	if err := giveTo(p.account, dir); err != nil {
		return nil, err
	}
	if err := prepare(ctx, dir, p.account, each(p.prepare, fill)); err != nil {
		return nil, err
	}
	server := &private{address: fill(p.address), socket: fill(p.socket), dir: dir}
	if err := server.launch(p, each(p.serve, fill)); err != nil {
		return nil, err
	}
	if err := server.await(ctx, k); err != nil {
		server.stop()
		return nil, err
	}
	return server, nil
}

// prepare fills a directory. It tries twice, because mariadb-install-db was seen to fail on a busy machine, and not again.
func prepare(ctx context.Context, dir, account string, command []string) error {
	if len(command) == 0 {
		return nil
	}
	first := prepareOnce(ctx, dir, account, command)
	if first == nil || ctx.Err() != nil {
		return first
	}
	half, err := filepath.Glob(filepath.Join(dir, "*"))
	for _, made := range half {
		err = errors.Join(err, os.RemoveAll(made))
	}
	if err == nil {
		err = prepareOnce(ctx, dir, account, command)
	}
	if err != nil {
		return errors.Join(first, err)
	}
	return nil
}

func prepareOnce(ctx context.Context, dir, account string, command []string) error {
	//nolint:gosec // the command is one of this package's own
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Dir = dir
	if err := runAs(cmd, account); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(command[0]), err, lastLines(out))
	}
	return nil
}

func (s *private) launch(p plan, command []string) error {
	// Not bound to a context: a server outlives the test that happened to start it.
	//nolint:gosec,noctx // the command is one of this package's own; see above
	s.guard = exec.Command("/bin/sh", slices.Concat([]string{"-c", guardScript, "guard", s.dir, p.signal}, command)...)
	s.guard.Dir = s.dir
	if err := runAs(s.guard, p.account); err != nil {
		return err
	}
	hold, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	s.hold = hold
	return s.guard.Start()
}

// restart ends the server by a signal and returns when one on the same data answers.
func (s *private) restart(ctx context.Context, k kind, signal string) error {
	before := s.process()
	if _, err := io.WriteString(s.hold, signal+"\n"); err != nil {
		return err
	}
	for deadline := time.Now().Add(patience); s.process() == before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the server did not end within %v", patience)
		}
	}
	return s.await(ctx, k)
}

// process is the number of the server's process.
func (s *private) process() string {
	number, _ := os.ReadFile(filepath.Join(s.dir, "server.pid"))
	return string(number)
}

// await returns when the server answers, or says what its log says if that takes too long.
func (s *private) await(ctx context.Context, k kind) error {
	deadline := time.Now().Add(patience)
	for {
		err := answers(ctx, k, s.socket)
		if err == nil {
			return nil
		}
		if s.ended() || ctx.Err() != nil || time.Now().After(deadline) {
			log, _ := os.ReadFile(filepath.Join(s.dir, "server.log"))
			return fmt.Errorf("%w: its log ends with: %s", err, lastLines(log))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// ended reports whether the server ended by itself.
func (s *private) ended() bool {
	_, err := os.Stat(filepath.Join(s.dir, "ended"))
	return err == nil
}

// stop ends the server and returns when its directory is gone.
func (s *private) stop() {
	_ = s.hold.Close()
	_ = s.guard.Wait() // the status is that of a server that was told to end: nothing to learn
}

// freePort returns a TCP port that was free a moment ago. If another process takes it first, the server will not start.
func freePort(ctx context.Context) (int, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// program returns the path of an installed program. Servers are often kept out of PATH; among versions, the newest wins.
func program(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/sbin", "/usr/local/sbin"} {
		paths, _ := filepath.Glob(filepath.Join(pattern, name))
		if len(paths) > 0 {
			return paths[len(paths)-1], nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errNotInstalled)
}

func each(words []string, change func(string) string) []string {
	changed := make([]string, len(words))
	for i, word := range words {
		changed[i] = change(word)
	}
	return changed
}

// lastLines returns the end of a log, on one line. Where mariadb-install-db fails, it says why before a page of advice.
func lastLines(log []byte) string {
	const length = 3000
	text := strings.Join(strings.Fields(string(log)), " ")
	return text[max(0, len(text)-length):]
}
