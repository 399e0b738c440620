package switching_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// meter reads how much processor time this process and the server's processes
// for some databases have used. Unlike time by the clock, it does not depend on
// what else the machine does.
type meter struct {
	sessions []int
	used     map[int]time.Duration // by them when they were last looked at
}

// newMeter finds the sessions of the databases that the addresses name. It fails
// where the server's processes are not to be seen, as on another machine.
func newMeter(ctx context.Context, addresses ...string) (*meter, error) {
	m := &meter{used: map[int]time.Duration{}}
	for _, address := range addresses {
		found, err := sessions(ctx, address)
		if err != nil {
			return nil, err
		}
		m.sessions = append(m.sessions, found...)
	}
	return m, nil
}

// sessions are the processes of a database's sessions but the one that asks.
func sessions(ctx context.Context, address string) ([]int, error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND usename IS NOT NULL AND pid <> pg_backend_pid()")
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int])
	for _, pid := range found {
		name, readErr := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if readErr != nil || !bytes.HasPrefix(name, []byte("postgres")) {
			return nil, fmt.Errorf("the server's process %d is not on this machine", pid)
		}
	}
	return found, err
}

// read returns what has been used so far.
func (m *meter) read() (client, server time.Duration, err error) {
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return 0, 0, err
	}
	for _, pid := range m.sessions {
		used, err := processor(pid)
		switch {
		case err == nil:
			m.used[pid] = used
		case !errors.Is(err, fs.ErrNotExist): // such a session is over
			return 0, 0, err
		}
		server += m.used[pid]
	}
	return time.Duration(self.Utime.Nano() + self.Stime.Nano()), server, nil
}

// processor is the first number of schedstat: nanoseconds on a processor.
func processor(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/schedstat", pid))
	if err != nil {
		return 0, err
	}
	first, _, _ := bytes.Cut(text, []byte(" "))
	ns, err := strconv.ParseInt(string(first), 10, 64)
	return time.Duration(ns), err
}
