package panicked_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/panicked"
)

// brittle is a handler that panics on what is below a level, and on some texts.
type brittle struct{ slog.Handler }

func (b brittle) Enabled(ctx context.Context, level slog.Level) bool {
	if level < slog.LevelDebug {
		panic("too little to tell")
	}
	return b.Handler.Enabled(ctx, level)
}

func (b brittle) Handle(ctx context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "s3cret") {
		panic(r.Message)
	}
	return b.Handler.Handle(ctx, r)
}

func (b brittle) WithAttrs(attrs []slog.Attr) slog.Handler {
	return brittle{b.Handler.WithAttrs(attrs)}
}

func (b brittle) WithGroup(name string) slog.Handler { return brittle{b.Handler.WithGroup(name)} }

func TestLogger(t *testing.T) {
	t.Parallel()
	var written bytes.Buffer
	text := slog.NewTextHandler(&written, &slog.HandlerOptions{
		Level: slog.LevelWarn, AddSource: true, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if source, ok := a.Value.Any().(*slog.Source); ok {
				return slog.String("in", source.Function)
			}
			return a
		},
	})
	log := panicked.Logger(slog.New(brittle{text}).With("tenant", "acme"))
	log.Log(t.Context(), slog.LevelDebug-1, "s3cret")
	log.Error("s3cret")
	log.Info("below the level")
	log.WithGroup("of").Warn("written", "n", 1)
	got := written.String()
	if strings.Count(got, "\n") != 1 || !strings.Contains(got, "in=github.com/entenancy/tenancy/internal/panicked_test.TestLogger") ||
		!strings.HasSuffix(got, "msg=written tenant=acme of.n=1\n") {
		t.Errorf("written was %q", got)
	}
}

// An audit asks the handler itself, and has to know what is lost.
func TestHandlerOfALoggerSaysWhatIsLost(t *testing.T) {
	t.Parallel()
	log := panicked.Logger(slog.New(brittle{slog.DiscardHandler}))
	err := log.Handler().Handle(t.Context(), slog.Record{Message: "s3cret"})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("got %v", err)
	}
	own := panicked.Logger(slog.New(failing{slog.DiscardHandler}))
	if err := own.Handler().Handle(t.Context(), slog.Record{}); !errors.Is(err, errOwn) {
		t.Errorf("its own error became %v", err)
	}
}

type failing struct{ slog.Handler }

func (failing) Handle(context.Context, slog.Record) error { return errOwn }

func TestNoLogger(t *testing.T) {
	t.Parallel()
	if panicked.Logger(nil).Enabled(t.Context(), slog.LevelError) {
		t.Error("it writes")
	}
}
