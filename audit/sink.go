package audit

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// Sink is where entries are kept. It is called by one or more goroutines at once.
type Sink interface {
	// Write keeps the entries, all of them or none, and returns when they are
	// kept. After an error it is called again with the same ones, of which it
	// may have kept some: their IDs say which. Entries are cleaned and
	// validated. It must not change or keep the slice. A panic is an error.
	//
	// The context is a System scope and has a deadline. Return when it is over:
	// Log.Close waits for that. What happens in it is not told to an [Observer].
	Write(ctx context.Context, entries []Entry) error
}

// SlogSink writes entries to a logger. It is safe for concurrent use.
type SlogSink struct{ log *slog.Logger }

// NewSlogSink returns a Sink that writes each entry to logger, or to
// [slog.Default] if it is nil, at info level, as a record "audit" with the group
// "audit". An entry that the logger's level would drop, or that its handler
// fails on, is an error.
func NewSlogSink(logger *slog.Logger) *SlogSink {
	if logger == nil {
		logger = slog.Default()
	}
	return &SlogSink{logger}
}

// Write implements [Sink]. It asks the handler itself, because a Logger tells
// nobody of errors.
func (s *SlogSink) Write(ctx context.Context, entries []Entry) error {
	handler := s.log.Handler()
	if !handler.Enabled(ctx, slog.LevelInfo) {
		return errors.New("audit: the logger's level is above info")
	}
	for _, e := range entries {
		record := slog.NewRecord(time.Now(), slog.LevelInfo, "audit", 0)
		record.AddAttrs(slog.Any("audit", e))
		if err := handler.Handle(ctx, record); err != nil {
			return err
		}
	}
	return nil
}
