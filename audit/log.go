package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// Log records entries in its sinks. It is safe for concurrent use. Close it, so
// that what is queued gets into them.
type Log struct {
	sinks []Sink
	cfg   Config
	queue chan Entry
	count struct{ recorded, failed, retries atomic.Uint64 }

	mu      sync.Mutex // never held while anybody waits
	closed  bool
	closing chan struct{}  // closed by Close: nobody waits for room any more
	queuing sync.WaitGroup // the calls of Submit that may send to the queue
	worker  sync.WaitGroup
	life    context.Context // of the worker's writes
	end     context.CancelFunc
}

// Config is what a Log can be told. The zero Config works.
type Config struct {
	// Timeout is how long a sink is tried, again and again until it has the
	// entries. Defaults to 5 seconds.
	Timeout time.Duration
	// Queue is how many entries Submit may have waiting. Defaults to 1024.
	Queue int
	// Wait is how long Submit waits for room in the queue. Defaults to a second.
	Wait time.Duration
	// Logger gets at error level, in full, what could not be recorded. Defaults
	// to [slog.Default].
	Logger *slog.Logger
}

// Stats is what a Log has done since it was made.
type Stats struct {
	// Recorded is how many entries are in all sinks.
	Recorded uint64 `json:"recorded"`
	// Failed is how many are not, and went to the logger. More than zero is
	// something to look into.
	Failed uint64 `json:"failed"`
	// Retries is how often a sink was tried again.
	Retries uint64 `json:"retries"`
	// Queued is how many entries wait now.
	Queued int `json:"queued"`
}

// New returns a Log that records in all of the sinks. It fails if there is
// none, or a number in cfg is negative.
func New(sinks []Sink, cfg Config) (*Log, error) {
	if len(sinks) == 0 || slices.Contains(sinks, nil) {
		return nil, errors.New("audit: New: sinks has none, or a nil one")
	}
	if cfg.Timeout < 0 || cfg.Queue < 0 || cfg.Wait < 0 {
		return nil, errors.New("audit: New: Timeout, Queue and Wait must not be negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 5 * time.Second
	}
	if cfg.Queue == 0 {
		cfg.Queue = 1024
	}
	if cfg.Wait == 0 {
		cfg.Wait = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	l := &Log{sinks: slices.Clone(sinks), cfg: cfg, queue: make(chan Entry, cfg.Queue), closing: make(chan struct{})}
	l.life, l.end = context.WithCancel(recording(context.Background()))
	l.worker.Go(l.drain)
	return l, nil
}

// Record completes the entry from ctx and returns when every sink has it. It
// goes on when ctx is cancelled, so that nobody gets out of being recorded by
// going away.
//
// It fails with [tenancy.ErrInvalidEntry]; with [tenancy.ErrNoTenant], and as
// [tenancy.ScopeFromContext] does, if neither the entry nor ctx has a tenant and
// ctx is no System scope; with [tenancy.ErrCrossTenant] if they have different
// ones; and with [tenancy.ErrNotRecorded] if a sink does not have it.
//
// In the middle of a transaction on a pool with a single connection, such as of
// SQLite, a sink on the same pool cannot have it before the transaction ends.
func (l *Log) Record(ctx context.Context, e Entry) error {
	e, err := complete(ctx, e)
	if err != nil {
		return err
	}
	if l.isClosed() {
		return l.lose(ctx, e, errClosed)
	}
	ctx = recording(context.WithoutCancel(ctx))
	if err := notRecorded(l.write(ctx, []Entry{e})); err != nil {
		return l.lose(ctx, e, err)
	}
	l.count.recorded.Add(1)
	return nil
}

func (l *Log) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Submit completes the entry from ctx and queues it. If the queue is full it
// waits, up to Config.Wait, or until Close. It fails as Record does; what it
// cannot queue, and what later cannot be recorded, goes to the logger and is
// counted.
func (l *Log) Submit(ctx context.Context, e Entry) error {
	e, err := complete(ctx, e)
	if err != nil {
		return l.lose(ctx, e, err)
	}
	if err := l.enqueue(e); err != nil {
		return l.lose(ctx, e, err)
	}
	return nil
}

// enqueue puts an entry in the queue, or fails without it.
func (l *Log) enqueue(e Entry) error {
	if !l.mayQueue() {
		return errClosed
	}
	defer l.queuing.Done()
	select {
	case l.queue <- e:
		return nil
	default:
	}
	full := time.NewTimer(l.cfg.Wait)
	defer full.Stop()
	select {
	case l.queue <- e:
		return nil
	case <-l.closing:
		return errClosed
	case <-full.C:
		return errFull
	}
}

// mayQueue counts one more in queuing, unless the log is closed.
func (l *Log) mayQueue() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closed {
		l.queuing.Add(1)
	}
	return !l.closed
}

var (
	errClosed = fmt.Errorf("%w: the log is closed", tenancy.ErrNotRecorded)
	errFull   = fmt.Errorf("%w: the queue is full", tenancy.ErrNotRecorded)
)

// Close lets no more entries in, and returns when all that are queued are
// recorded or given up. When ctx is over, the rest is given up and it fails
// with its error, as soon as the sinks return. It may be called more than once, and
// does not wait for calls of Record.
func (l *Log) Close(ctx context.Context) error {
	if l.close() {
		close(l.closing)
		l.queuing.Wait() // for nobody who waits
		close(l.queue)
	}
	done := make(chan struct{})
	go func() { l.worker.Wait(); close(done) }()
	select {
	case <-done:
		l.end()
		return nil
	case <-ctx.Done():
		l.end()
		<-done
		return fmt.Errorf("audit: Close: %w", context.Cause(ctx))
	}
}

// close reports whether it was this call that closed the log.
func (l *Log) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	was := l.closed
	l.closed = true
	return !was
}

// Stats returns what the log has done.
func (l *Log) Stats() Stats {
	return Stats{
		Recorded: l.count.recorded.Load(),
		Failed:   l.count.failed.Load(),
		Retries:  l.count.retries.Load(),
		Queued:   len(l.queue),
	}
}

// lose writes an entry to the logger that the sinks do not have, and returns
// what the caller is told.
func (l *Log) lose(ctx context.Context, e Entry, why error) error {
	l.count.failed.Add(1)
	if err := l.spill(ctx, e, why); err != nil {
		return fmt.Errorf("%w, and is in no log: %w", why, err)
	}
	return why
}

// spill fails for a logger that panics: it may be the one that the sink has.
func (l *Log) spill(ctx context.Context, e Entry, why error) (err error) {
	defer panicked.As(&err, "the logger")
	l.cfg.Logger.LogAttrs(ctx, slog.LevelError, "tenancy: audit entry was not recorded", slog.Any("error", why), slog.Any("audit", e))
	return nil
}

// complete returns the entry with what it has from the context.
func complete(ctx context.Context, e Entry) (Entry, error) {
	scope, err := tenancy.ScopeFromContext(ctx)
	switch {
	case err != nil && e.TenantID == "":
		return e, err
	case err != nil:
	case scope.System():
		if e.Reason == "" {
			e.Reason = scope.Reason()
		}
	case e.TenantID == "":
		e.TenantID = scope.TenantID()
	case e.TenantID != scope.TenantID():
		return e, fmt.Errorf("%w: the entry is of another tenant than the context", tenancy.ErrCrossTenant)
	}
	if e.Actor == (Actor{}) {
		e.Actor = ActorFromContext(ctx)
	}
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	id, err := uuid.NewV7()
	if err != nil {
		return e, fmt.Errorf("%w: %w", tenancy.ErrNotRecorded, err)
	}
	e.ID = id.String()
	e = e.clean()
	return e, e.Validate()
}
