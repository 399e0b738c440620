package panicked

import (
	"context"
	"log/slog"
)

// Logger returns a logger that writes what log does and outlives a panic of log's
// handler: the record is lost, and nobody could be told. For nil it is one that drops all.
func Logger(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(handler{log.Handler()})
}

// handler makes errors of the panics of another. Whoever calls it by itself, as an audit
// does, is told of them.
type handler struct{ of slog.Handler }

func (h handler) Enabled(ctx context.Context, level slog.Level) (enabled bool) {
	var err error // which no logger has a place for
	defer As(&err, "the logger")
	return h.of.Enabled(ctx, level)
}

func (h handler) Handle(ctx context.Context, record slog.Record) (err error) {
	defer As(&err, "the logger")
	return h.of.Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler { return handler{h.of.WithAttrs(attrs)} }

func (h handler) WithGroup(name string) slog.Handler { return handler{h.of.WithGroup(name)} }
