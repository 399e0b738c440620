package observe

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
)

// DefaultSlowStatement is how long a statement takes from which on it is slow.
const DefaultSlowStatement = 200 * time.Millisecond

// longestSQL is how much of a statement's text is written, in bytes.
const longestSQL = 4096

// LogConfig says what a [Log] writes. The zero LogConfig is a good one.
type LogConfig struct {
	// SlowStatement is how long a statement takes from which on it is written,
	// with the time that it waited for a connection and without that of reading
	// its rows. Defaults to DefaultSlowStatement; below zero, none is written.
	SlowStatement time.Duration
	// WithoutSQL leaves out the text of statements: it holds no arguments, but
	// SQL written by hand may have values in it. Defaults to false.
	WithoutSQL bool
}

// Log is a tenancy.Observer that writes to a logger. It is made by [NewLog], and
// safe for concurrent use. The levels are:
//
//   - warn: slow statements, statements refused with tenancy.ErrCrossTenant, and
//     a tenant's first request over its limit in a minute;
//   - error: requests that nobody could say anything about, unless their own
//     context was over, and changes of a tenant that failed;
//   - info: System scopes, with their reason, and changes of a tenant;
//   - debug: other requests, and all other statements.
//
// Anybody can send requests over a limit. So those without a tenant are at debug
// level, and so are those of more than 100 tenants in a minute.
//
// What the logger has no use for costs next to nothing.
type Log struct {
	logger *slog.Logger
	config LogConfig
	warned warned
}

// Of a tenant over its limit is warned once in a while, and of so many tenants.
const (
	warnEvery   = time.Minute
	warnTenants = 100
)

// warned is which tenants were warned of in this while.
type warned struct {
	mu      sync.Mutex
	began   time.Time
	tenants map[tenancy.ID]struct{}
}

// first reports whether a tenant, if it is one, is to be warned of.
func (w *warned) first(id tenancy.ID, now time.Time) bool {
	if id == "" {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if now.Sub(w.began) >= warnEvery {
		w.began, w.tenants = now, map[tenancy.ID]struct{}{}
	}
	if _, ok := w.tenants[id]; ok || len(w.tenants) == warnTenants {
		return false
	}
	w.tenants[id] = struct{}{}
	return true
}

var _ tenancy.Observer = (*Log)(nil)

// NewLog returns an observer that writes to the logger.
func NewLog(logger *slog.Logger, config LogConfig) (*Log, error) {
	if logger == nil {
		return nil, errors.New("observe: NewLog needs a logger")
	}
	if config.SlowStatement == 0 {
		config.SlowStatement = DefaultSlowStatement
	}
	return &Log{logger: logger, config: config}, nil
}

// StatementStart implements [tenancy.StatementObserver].
func (l *Log) StatementStart(ctx context.Context, _ tenancy.StatementStart) context.Context {
	return ctx
}

// StatementEnd implements [tenancy.StatementObserver].
func (l *Log) StatementEnd(ctx context.Context, e tenancy.StatementEnd) {
	level, message := slog.LevelDebug, "statement"
	switch {
	case errors.Is(e.Err, tenancy.ErrCrossTenant):
		level, message = slog.LevelWarn, "statement refused between tenants"
	case l.config.SlowStatement > 0 && e.Took >= l.config.SlowStatement:
		level, message = slog.LevelWarn, "slow statement"
	}
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 7), onBehalf(e.Start.Scope),
		slog.String("operation", string(e.Start.Operation)), slog.Duration("took", e.Took))
	if e.Start.Isolation != "" {
		attrs = append(attrs, slog.String("isolation", string(e.Start.Isolation)))
	}
	if e.Start.SQL != "" && !l.config.WithoutSQL {
		attrs = append(attrs, slog.String("sql", shorten(e.Start.SQL)))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.String("error_type", ErrorType(e.Err)))
	}
	l.logger.LogAttrs(ctx, level, message, attrs...)
}

// onBehalf says for whom a statement is.
func onBehalf(s *tenancy.Scope) slog.Attr {
	if s.System() {
		return slog.String("system", s.Reason())
	}
	return slog.String("tenant", string(s.TenantID()))
}

// shorten cuts a text that is too long, between two characters.
func shorten(text string) string {
	if len(text) <= longestSQL {
		return text
	}
	end := longestSQL
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}

// RequestStart implements [tenancy.RequestObserver].
func (l *Log) RequestStart(ctx context.Context) context.Context { return ctx }

// RequestEnd implements [tenancy.RequestObserver].
func (l *Log) RequestEnd(ctx context.Context, e tenancy.RequestEnd) {
	level := slog.LevelDebug
	switch e.Outcome {
	case tenancy.OutcomeLimited:
		if l.warned.first(e.Tenant.ID, time.Now()) {
			level = slog.LevelWarn
		}
	case tenancy.OutcomeUnavailable:
		if ctx.Err() == nil { // otherwise the client has gone, or its deadline has passed
			level = slog.LevelError
		}
	case tenancy.OutcomeServed, tenancy.OutcomeRefused: // anybody can have a request refused
	}
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 4), slog.String("outcome", string(e.Outcome)), slog.Duration("took", e.Took))
	if e.Tenant.ID != "" {
		attrs = append(attrs, slog.String("tenant", string(e.Tenant.ID)))
	}
	l.logger.LogAttrs(ctx, level, "request", withError(attrs, e.Err)...)
}

// SystemScope implements [tenancy.SystemObserver].
func (l *Log) SystemScope(ctx context.Context, s *tenancy.Scope) {
	l.logger.LogAttrs(ctx, slog.LevelInfo, "system scope", slog.String("reason", s.Reason()))
}

// Lifecycle implements [tenancy.LifecycleObserver].
func (l *Log) Lifecycle(ctx context.Context, e tenancy.LifecycleEvent) {
	level := slog.LevelInfo
	if e.Err != nil {
		level = slog.LevelError
	}
	attrs := append(make([]slog.Attr, 0, 5), slog.String("action", e.Action),
		slog.String("tenant", string(e.Tenant.ID)), slog.String("status", string(e.Tenant.Status)), slog.Duration("took", e.Took))
	l.logger.LogAttrs(ctx, level, "tenant lifecycle", withError(attrs, e.Err)...)
}

// withError adds an error that is not of a statement, whose text may be written.
func withError(attrs []slog.Attr, err error) []slog.Attr {
	if err == nil {
		return attrs
	}
	return append(attrs, slog.String("error", err.Error()))
}
