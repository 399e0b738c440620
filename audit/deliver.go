package audit

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// batch is how many queued entries are written at once.
const batch = 100

// The pauses before a sink is tried again, which double from the first to the longest.
const (
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

type recordingKey struct{}

// recording returns the context in which entries are written. It is marked, so
// that a sink that needs a System scope does not cause the next entry.
func recording(ctx context.Context) context.Context {
	return context.WithValue(tenancy.System(ctx, "audit log"), recordingKey{}, true)
}

func isRecording(ctx context.Context) bool { return ctx.Value(recordingKey{}) != nil }

// drain is the goroutine that writes what is queued.
func (l *Log) drain() {
	entries := make([]Entry, 0, batch)
	for first := range l.queue {
		entries = append(entries[:0], first)
		for len(entries) < batch {
			next, ok := l.next()
			if !ok {
				break
			}
			entries = append(entries, next)
		}
		l.flush(entries)
	}
}

// next returns an entry if there is one now.
func (l *Log) next() (Entry, bool) {
	select {
	case e, ok := <-l.queue:
		return e, ok
	default:
		return Entry{}, false
	}
}

// flush writes entries together, and one by one if that fails, so that one that
// a sink does not take keeps out none of the others. Sinks that have them all are
// left alone then.
func (l *Log) flush(entries []Entry) {
	failed := l.write(l.life, entries)
	err := notRecorded(failed)
	if err == nil {
		l.count.recorded.Add(uint64(len(entries)))
		return
	}
	late := make([]int, len(l.sinks))
	for i := range entries {
		alone := err
		if len(entries) > 1 {
			alone = notRecorded(l.again(entries[i:i+1], failed, late))
		}
		if alone != nil {
			_ = l.lose(l.life, entries[i], alone)
			continue
		}
		l.count.recorded.Add(1)
	}
}

// tooLate is how many entries in a row a sink may let wait until the time is up:
// of so many, it is the sink and not the entry.
const tooLate = 2

// again writes once more to each sink that has an error in failed, and returns
// the errors of those. Each has the time for itself, and late counts how often in
// a row it was up. A sink that was late too often is not written to.
func (l *Log) again(entries []Entry, failed []error, late []int) []error {
	still := slices.Clone(failed)
	for i, sink := range l.sinks {
		if failed[i] == nil || late[i] == tooLate {
			continue
		}
		ctx, cancel := context.WithTimeout(l.life, l.cfg.Timeout)
		still[i] = give(ctx, sink, entries)
		if late[i]++; ctx.Err() == nil {
			late[i] = 0
		}
		cancel()
	}
	return still
}

// give writes to a sink. One that panics fails, and does not end the program from the
// worker, where nobody can recover.
func give(ctx context.Context, sink Sink, entries []Entry) (err error) {
	defer panicked.As(&err, "audit: the sink")
	return sink.Write(ctx, entries)
}

// write writes to all sinks, and returns the error of each, nil for those that
// have the entries. One that fails keeps them from none of the others.
func (l *Log) write(ctx context.Context, entries []Entry) []error {
	failed := make([]error, len(l.sinks))
	for i, sink := range l.sinks {
		failed[i] = l.deliver(ctx, sink, entries)
	}
	return failed
}

// notRecorded makes one error of those of the sinks, nil if there is none.
func notRecorded(failed []error) error {
	err := errors.Join(failed...)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", tenancy.ErrNotRecorded, err)
}

// deliver tries until the sink has the entries or the time is up.
func (l *Log) deliver(ctx context.Context, sink Sink, entries []Entry) error {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := give(ctx, sink, entries)
		if err == nil {
			return nil
		}
		select {
		case <-time.After(pause):
			l.count.retries.Add(1)
		case <-ctx.Done():
			return err
		}
	}
}
