package observe_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/observe"
)

// logged returns what an observer writes at a level and above, without times.
func logged(t *testing.T, level slog.Level, config observe.LogConfig, tell func(tenancy.Observer)) string {
	t.Helper()
	var written bytes.Buffer
	log, err := observe.NewLog(slog.New(slog.NewTextHandler(&written, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	})), config)
	if err != nil {
		t.Fatal(err)
	}
	tell(log)
	return written.String()
}

func scope(t *testing.T, ctx context.Context) *tenancy.Scope { //nolint:revive // it is what is asked
	t.Helper()
	s, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func acme(t *testing.T) *tenancy.Scope {
	t.Helper()
	return scope(t, tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"}))
}

func TestLogWritesSlowStatements(t *testing.T) {
	t.Parallel()
	start := tenancy.StatementStart{
		Scope: acme(t), Isolation: tenancy.IsolationRLS, Operation: tenancy.OperationQuery, SQL: `SELECT * FROM "orders" WHERE "note" = $1`,
	}
	for _, test := range []struct {
		name   string
		level  slog.Level
		config observe.LogConfig
		took   time.Duration
		err    error
		want   string
	}{
		{"fast", slog.LevelInfo, observe.LogConfig{}, 199 * time.Millisecond, nil, ""},
		{
			"slow", slog.LevelInfo,
			observe.LogConfig{},
			200 * time.Millisecond, nil,
			`level=WARN msg="slow statement" tenant=acme operation=query took=200ms isolation=rls sql="SELECT * FROM \"orders\" WHERE \"note\" = $1"`,
		},
		{"own threshold", slog.LevelInfo, observe.LogConfig{SlowStatement: time.Second}, 999 * time.Millisecond, nil, ""},
		{"never", slog.LevelInfo, observe.LogConfig{SlowStatement: -1}, time.Hour, nil, ""},
		{
			"without text", slog.LevelInfo,
			observe.LogConfig{WithoutSQL: true},
			time.Second, nil,
			`level=WARN msg="slow statement" tenant=acme operation=query took=1s isolation=rls`,
		},
		{
			"slow, and failed", slog.LevelInfo,
			observe.LogConfig{WithoutSQL: true},
			time.Second, errors.New("Duplicate entry 'secret@example.com'"),
			`level=WARN msg="slow statement" tenant=acme operation=query took=1s isolation=rls error_type=other`,
		},
		{
			"refused", slog.LevelInfo,
			observe.LogConfig{WithoutSQL: true},
			0, fmt.Errorf("driver: %w", tenancy.ErrCrossTenant),
			`level=WARN msg="statement refused between tenants" tenant=acme operation=query took=0s isolation=rls error_type=cross_tenant`,
		},
		{
			"all", slog.LevelDebug,
			observe.LogConfig{WithoutSQL: true},
			time.Millisecond, nil,
			`level=DEBUG msg=statement tenant=acme operation=query took=1ms isolation=rls`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := logged(t, test.level, test.config, func(o tenancy.Observer) {
				ctx := o.StatementStart(t.Context(), start)
				o.StatementEnd(ctx, tenancy.StatementEnd{Start: start, Took: test.took, Err: test.err})
			})
			if strings.TrimSpace(got) != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestLogShortensText(t *testing.T) {
	t.Parallel()
	got := logged(t, slog.LevelInfo, observe.LogConfig{}, func(o tenancy.Observer) {
		o.StatementEnd(t.Context(), tenancy.StatementEnd{
			Start: tenancy.StatementStart{Scope: acme(t), SQL: "x" + strings.Repeat("ä", 4000)}, Took: time.Second,
		})
	})
	if n := strings.Count(got, "ä"); n != 2047 || !strings.HasSuffix(got, "ä…\n") {
		t.Errorf("%d characters are left: …%q", n, got[len(got)-10:])
	}
}

func TestLogWritesTheRest(t *testing.T) {
	t.Parallel()
	tenant := tenancy.Tenant{ID: "acme", Status: tenancy.StatusSuspended}
	system := scope(t, tenancy.System(t.Context(), "monthly report"))
	got := logged(t, slog.LevelInfo, observe.LogConfig{}, func(o tenancy.Observer) {
		ctx := o.RequestStart(t.Context())
		for _, outcome := range []tenancy.Outcome{tenancy.OutcomeServed, tenancy.OutcomeRefused, tenancy.OutcomeLimited} {
			o.RequestEnd(ctx, tenancy.RequestEnd{Tenant: tenant, Outcome: outcome})
		}
		o.RequestEnd(ctx, tenancy.RequestEnd{Outcome: tenancy.OutcomeUnavailable, Err: tenancy.ErrUnavailable})
		o.SystemScope(ctx, system)
		o.StatementEnd(ctx, tenancy.StatementEnd{Start: tenancy.StatementStart{Scope: system, Operation: tenancy.OperationBegin}, Took: time.Second})
		o.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "suspend", Tenant: tenant, Took: time.Second})
		o.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "delete", Tenant: tenant, Err: tenancy.ErrConflict})
	})
	want := `level=WARN msg=request outcome=limited took=0s tenant=acme
level=ERROR msg=request outcome=unavailable took=0s error="tenancy: registry is not available"
level=INFO msg="system scope" reason="monthly report"
level=WARN msg="slow statement" system="monthly report" operation=begin took=1s
level=INFO msg="tenant lifecycle" action=suspend tenant=acme status=suspended took=1s
level=ERROR msg="tenant lifecycle" action=delete tenant=acme status=suspended took=0s error="tenancy: tenant was changed meanwhile"
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Anybody can send requests over a limit, and must not fill the log with them.
func TestLogOfRequestsOverALimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		limited := func(o tenancy.Observer, id tenancy.ID) {
			o.RequestEnd(o.RequestStart(t.Context()), tenancy.RequestEnd{Tenant: tenancy.Tenant{ID: id}, Outcome: tenancy.OutcomeLimited})
		}
		got := logged(t, slog.LevelInfo, observe.LogConfig{}, func(o tenancy.Observer) {
			for range 119 { // all but two minutes
				for range 10 {
					limited(o, "")
					limited(o, "acme")
					limited(o, "globex")
				}
				time.Sleep(time.Second)
			}
		})
		warning := "level=WARN msg=request outcome=limited took=0s tenant="
		if want := strings.Repeat(warning+"acme\n"+warning+"globex\n", 2); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
		got = logged(t, slog.LevelInfo, observe.LogConfig{}, func(o tenancy.Observer) {
			for i := range 1000 {
				limited(o, tenancy.ID(fmt.Sprint(i)))
			}
		})
		if n := strings.Count(got, "\n"); n != 100 {
			t.Errorf("%d tenants were warned of at once", n)
		}
		got = logged(t, slog.LevelDebug, observe.LogConfig{}, func(o tenancy.Observer) { limited(o, "") })
		if want := "level=DEBUG msg=request outcome=limited took=0s\n"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// A request that nobody is waiting for any more is nobody's outage. One whose
// lookup gave up by itself is.
func TestLogOfAClientThatHasGone(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, done := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer done()
	for name, test := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"gone":                 {gone, fmt.Errorf("registry: %w", context.Canceled), "level=DEBUG"},
		"late":                 {late, context.DeadlineExceeded, "level=DEBUG"},
		"gone, and a database": {gone, tenancy.ErrUnavailable, "level=DEBUG"},
		"a lookup's own limit": {t.Context(), context.DeadlineExceeded, "level=ERROR"},
	} {
		got := logged(t, slog.LevelDebug, observe.LogConfig{}, func(o tenancy.Observer) {
			o.RequestEnd(o.RequestStart(test.ctx), tenancy.RequestEnd{Outcome: tenancy.OutcomeUnavailable, Err: test.err})
		})
		if !strings.HasPrefix(got, test.want+" msg=request outcome=unavailable") || !strings.Contains(got, test.err.Error()) {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestLogCostsNothingWhereItWritesNothing(t *testing.T) {
	log, err := observe.NewLog(slog.New(slog.DiscardHandler), observe.LogConfig{})
	if err != nil {
		t.Fatal(err)
	}
	end := tenancy.StatementEnd{Start: tenancy.StatementStart{Scope: acme(t), SQL: "SELECT"}, Took: time.Second}
	if got := testing.AllocsPerRun(50, func() { log.StatementEnd(t.Context(), end) }); got != 0 {
		t.Errorf("it allocates %g times", got)
	}
	if _, err := observe.NewLog(nil, observe.LogConfig{}); err == nil {
		t.Error("no logger is taken")
	}
}

// stateError is an error of PostgreSQL's clients.
type stateError string

func (e stateError) Error() string    { return "a row: hunter2" }
func (e stateError) SQLState() string { return string(e) }

func TestErrorType(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"":                nil,
		"cross_tenant":    fmt.Errorf("postgres: %w: %w", tenancy.ErrCrossTenant, stateError("42501")),
		"not_provisioned": fmt.Errorf("driver: %w: %w", tenancy.ErrNotProvisioned, stateError("42P01")),
		"canceled":        context.Canceled,
		"timeout":         fmt.Errorf("waiting: %w", context.DeadlineExceeded),
		"tx_done":         sql.ErrTxDone,
		"23505":           fmt.Errorf("ent: %w", stateError("23505")),
		"other":           errors.Join(errors.New("a"), stateError("drop\n")),
	} {
		if got := observe.ErrorType(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}
