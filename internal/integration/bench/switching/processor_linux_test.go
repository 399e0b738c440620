package switching_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// meter reads how much processor time this process and the server's processes
// for some databases have used. Unlike time by the clock, it does not depend on
// what else the machine does.
type meter struct {
	addresses []string
	used      map[int]time.Duration // by the processes of sessions, when they were last looked at
}

// newMeter is for the databases that the addresses name. It fails where the
// server's processes are not to be seen, as on another machine.
func newMeter(ctx context.Context, addresses ...string) (*meter, error) {
	m := &meter{addresses: addresses, used: map[int]time.Duration{}}
	err := m.find(ctx)
	if err == nil && len(m.used) == 0 {
		err = errors.New("no process of the server is to be seen on this machine")
	}
	return m, err
}

// find looks for sessions that are new. Those of tenants' databases come and go.
func (m *meter) find(ctx context.Context) error {
	for _, address := range m.addresses {
		found, err := sessions(ctx, address)
		if err != nil {
			return err
		}
		for _, pid := range found {
			m.used[pid] += 0
		}
	}
	return nil
}

// sessions are the processes of a database's sessions but the one that asks, as
// far as they are on this machine.
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
	return slices.DeleteFunc(found, func(pid int) bool {
		name, readErr := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return readErr != nil || !bytes.HasPrefix(name, []byte("postgres"))
	}), err
}

// read returns what has been used so far.
func (m *meter) read() (client, server time.Duration, err error) {
	var self syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &self); err != nil {
		return 0, 0, err
	}
	for pid := range m.used {
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
