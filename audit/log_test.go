package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
)

// sink keeps entries, and fails when it is told to. It stands for a database;
// the tests of registry's sink are in internal/integration.
type sink struct {
	mu      sync.Mutex
	entries []audit.Entry
	batches []int
	fail    func(ctx context.Context, entries []audit.Entry) error
}

func (s *sink) Write(ctx context.Context, entries []audit.Entry) error {
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if err := fail(ctx, entries); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries = append(s.entries, entries...)
	s.batches = append(s.batches, len(entries))
	return nil
}

func (s *sink) all() []audit.Entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.entries)
}

func (s *sink) failing(fail func(ctx context.Context, entries []audit.Entry) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = fail
}

var errSink = errors.New("disk full")

func always(context.Context, []audit.Entry) error { return errSink }

// spilled is a logger's output, as one object for each line.
type spilled struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *spilled) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *spilled) lines(t *testing.T) []map[string]any {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	var lines []map[string]any
	decoder := json.NewDecoder(bytes.NewReader(s.text.Bytes()))
	for decoder.More() {
		var line map[string]any
		if err := decoder.Decode(&line); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

func newLog(t *testing.T, cfg audit.Config, sinks ...audit.Sink) (*audit.Log, *spilled) {
	t.Helper()
	out := &spilled{}
	cfg.Logger = slog.New(slog.NewJSONHandler(out, nil))
	log, err := audit.New(sinks, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return log, out
}

func closeLog(t *testing.T, log *audit.Log) {
	t.Helper()
	if err := log.Close(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
}

func acme(t *testing.T) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"})
}

func entry() audit.Entry {
	return audit.Entry{Action: "invoice.delete", Resource: "invoice", ResourceID: "17"}
}

// One call is exactly one entry, with the tenant, the client and all that was said.
func TestRecord(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, out := newLog(t, audit.Config{}, s)
	defer closeLog(t, log)
	ctx := audit.WithActor(acme(t), audit.Actor{Principal: "ann", ClientAddr: "192.0.2.1", UserAgent: "curl/8"})
	if err := log.Record(ctx, entry().WithMetadata(map[string]any{"total": 12.5})); err != nil {
		t.Fatal(err)
	}
	got := s.all()
	if len(got) != 1 {
		t.Fatalf("%d entries, want one", len(got))
	}
	e := got[0]
	if e.TenantID != "acme" || e.Action != "invoice.delete" || e.Resource != "invoice" || e.ResourceID != "17" || e.Reason != "" ||
		e.Actor != (audit.Actor{Principal: "ann", ClientAddr: "192.0.2.1", UserAgent: "curl/8"}) || e.MetadataJSON() != `{"total":12.5}` {
		t.Errorf("got %+v", e)
	}
	if age := time.Since(e.Time); e.ID == "" || e.Time.Location() != time.UTC || age < -time.Second || age > time.Minute {
		t.Errorf("id %q, time %v", e.ID, e.Time)
	}
	if stats := log.Stats(); stats != (audit.Stats{Recorded: 1}) || len(out.lines(t)) != 0 {
		t.Errorf("stats are %+v, the log %v", stats, out.lines(t))
	}
}

func TestWhoseEntry(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, _ := newLog(t, audit.Config{}, s)
	defer closeLog(t, log)
	of := func(id tenancy.ID) audit.Entry { e := entry(); e.TenantID = id; return e }
	suspended := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme", Status: tenancy.StatusSuspended})
	system := tenancy.System(t.Context(), "support")
	for name, test := range map[string]struct {
		ctx    context.Context
		entry  audit.Entry
		err    error
		tenant tenancy.ID
		reason string
	}{
		"no tenant":                  {ctx: t.Context(), entry: entry(), err: tenancy.ErrNoTenant},
		"no reason":                  {ctx: tenancy.System(t.Context(), ""), entry: entry(), err: tenancy.ErrNoReason},
		"a suspended one":            {ctx: suspended, entry: entry(), err: tenancy.ErrInactive},
		"named without a context":    {ctx: t.Context(), entry: of("acme"), tenant: "acme"},
		"the context's":              {ctx: acme(t), entry: of("acme"), tenant: "acme"},
		"another than the context's": {ctx: acme(t), entry: of("globex"), err: tenancy.ErrCrossTenant},
		"system, of none":            {ctx: system, entry: entry(), reason: "support"},
		"system, of a tenant":        {ctx: system, entry: of("globex"), tenant: "globex", reason: "support"},
		"an id that is none":         {ctx: system, entry: of(" x"), err: tenancy.ErrInvalidEntry},
		"no action":                  {ctx: acme(t), entry: audit.Entry{Resource: "x"}, err: tenancy.ErrInvalidEntry},
		"no resource":                {ctx: acme(t), entry: audit.Entry{Action: "x", Resource: " "}, err: tenancy.ErrInvalidEntry},
		"no JSON":                    {ctx: acme(t), entry: entry().WithMetadata(map[string]any{"f": func() {}}), err: tenancy.ErrInvalidEntry},
		"too much": {
			ctx: acme(t), entry: entry().WithMetadata(map[string]any{"f": strings.Repeat("x", 70_000)}), err: tenancy.ErrInvalidEntry,
		},
	} {
		before := len(s.all())
		err := log.Record(test.ctx, test.entry)
		if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
			t.Errorf("%s: got %v, want %v", name, err, test.err)
			continue
		}
		if got := s.all()[before:]; err == nil && (len(got) != 1 || got[0].TenantID != test.tenant || got[0].Reason != test.reason) {
			t.Errorf("%s: got %+v", name, got)
		} else if err != nil && len(got) != 0 {
			t.Errorf("%s: recorded %+v", name, got)
		}
	}
}

// leaky encodes itself with a secret that no look at the Go value finds.
type leaky struct{}

func (leaky) MarshalJSON() ([]byte, error) {
	return []byte(`{"_enc_inner":"s3cr3t","n":12345678901234567890}`), nil
}

func TestSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, _ := newLog(t, audit.Config{}, s)
	defer closeLog(t, log)
	values := map[string]any{
		"_enc_key": "s3cr3t",
		"deep":     map[string]any{"list": []any{map[string]any{"_enc_": []any{"s3cr3t"}, "kept": 1}}},
		"typed":    tenancy.NewSecret("s3cr3t"),
		"own":      leaky{},
		"struct": struct {
			Key string `json:"_enc_tagged"`
		}{"s3cr3t"},
	}
	if err := log.Record(acme(t), entry().WithMetadata(values)); err != nil {
		t.Fatal(err)
	}
	e := s.all()[0]
	for _, shown := range []string{e.MetadataJSON(), fmt.Sprintf("%+v %#v", e, e), fmt.Sprint(e.LogValue())} {
		if strings.Contains(shown, "s3cr3t") {
			t.Errorf("a secret got into %s", shown)
		}
	}
	if got := e.MetadataJSON(); !strings.Contains(got, `"kept":1`) || !strings.Contains(got, "12345678901234567890") || strings.Count(got, "[redacted]") != 5 {
		t.Errorf("metadata is %s", got)
	}
	if values["_enc_key"] != "s3cr3t" {
		t.Error("the caller's values were changed")
	}
}

func TestEntriesAreValues(t *testing.T) {
	t.Parallel()
	values := map[string]any{"list": []any{"a"}}
	e := entry().WithMetadata(values)
	values["list"].([]any)[0] = "b"
	e.Metadata()["list"] = "c"
	if got := e.MetadataJSON(); got != `{"list":["a"]}` {
		t.Errorf("metadata became %s", got)
	}
	if got := e.WithMetadata(nil); got.MetadataJSON() != "{}" || len(got.Metadata()) != 0 {
		t.Errorf("without metadata it has %s", got.MetadataJSON())
	}
}

// What a client sends keeps nobody from being recorded.
func TestHostileTexts(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, _ := newLog(t, audit.Config{}, s)
	defer closeLog(t, log)
	for _, text := range []string{"a\x00b", "\xff\xfe", "line\nbreak\x1b[31m", strings.Repeat("é", 1<<20), strings.Repeat("\xff", 5000)} {
		ctx := audit.WithActor(acme(t), audit.Actor{Principal: text, ClientAddr: text, UserAgent: text})
		e := entry()
		e.ResourceID, e.Reason = text, text
		if err := log.Record(ctx, e); err != nil {
			t.Fatal(err)
		}
		got := s.all()[len(s.all())-1]
		for field, most := range map[string]int{got.Actor.Principal: 255, got.Actor.ClientAddr: 64, got.Actor.UserAgent: 1024, got.ResourceID: 255, got.Reason: 1024} {
			if field == "" || !utf8.ValidString(field) || utf8.RuneCountInString(field) > most || strings.ContainsAny(field, "\x00\n\x1b") {
				t.Errorf("%.20q became %.40q of %d characters", text, field, utf8.RuneCountInString(field))
			}
		}
	}
}

func TestRecordTriesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, n := &sink{}, 0
		s.failing(func(context.Context, []audit.Entry) error {
			if n++; n < 4 {
				return errSink
			}
			return nil
		})
		log, out := newLog(t, audit.Config{}, s)
		defer closeLog(t, log)
		if err := log.Record(acme(t), entry()); err != nil {
			t.Fatal(err)
		}
		if stats := log.Stats(); len(s.all()) != 1 || stats.Retries != 3 || stats.Recorded != 1 || len(out.lines(t)) != 0 {
			t.Errorf("%d entries, stats %+v", len(s.all()), stats)
		}
	})
}

func TestRecordFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		bad, good := &sink{fail: always}, &sink{}
		log, out := newLog(t, audit.Config{}, bad, good)
		defer closeLog(t, log)
		began := time.Now()
		err := log.Record(acme(t), entry())
		if !errors.Is(err, tenancy.ErrNotRecorded) || !errors.Is(err, errSink) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("tried for %v", took)
		}
		if n := len(good.all()); n != 1 {
			t.Errorf("the sink that works has %d entries, want it once", n)
		}
		lines := out.lines(t)
		if len(lines) != 1 || lines[0]["level"] != "ERROR" {
			t.Fatalf("the log has %v", lines)
		}
		if got := lines[0]["audit"].(map[string]any); got["tenant"] != "acme" || got["action"] != "invoice.delete" || got["resource_id"] != "17" {
			t.Errorf("the log has %v, not the entry in full", got)
		}
		if stats := log.Stats(); stats.Failed != 1 || stats.Recorded != 0 {
			t.Errorf("stats are %+v", stats)
		}
	})
}

func TestRecordOfACallerThatGoesAway(t *testing.T) {
	t.Parallel()
	s := &sink{}
	s.failing(func(ctx context.Context, _ []audit.Entry) error { return ctx.Err() })
	log, _ := newLog(t, audit.Config{}, s)
	defer closeLog(t, log)
	ctx, cancel := context.WithCancel(acme(t))
	cancel()
	if err := log.Record(ctx, entry()); err != nil || len(s.all()) != 1 {
		t.Errorf("%d entries (%v)", len(s.all()), err)
	}
	if err := log.Submit(ctx, entry()); err != nil {
		t.Error(err)
	}
}

func TestSinkThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.failing(func(ctx context.Context, _ []audit.Entry) error { <-ctx.Done(); return ctx.Err() })
		log, _ := newLog(t, audit.Config{Timeout: time.Second}, s)
		began := time.Now()
		if err := log.Record(acme(t), entry()); !errors.Is(err, tenancy.ErrNotRecorded) || time.Since(began) != time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		s.failing(nil)
		closeLog(t, log)
	})
}

func TestSubmitIsFlushedByClose(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, out := newLog(t, audit.Config{}, s)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 50 {
				if err := log.Submit(acme(t), entry()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	closeLog(t, log)
	closeLog(t, log) // again
	ids := map[string]bool{}
	for _, e := range s.all() {
		ids[e.ID] = true
	}
	if len(ids) != 800 || len(s.all()) != 800 || log.Stats().Recorded != 800 || len(out.lines(t)) != 0 {
		t.Errorf("%d entries with %d ids, stats %+v", len(s.all()), len(ids), log.Stats())
	}
	for _, late := range []error{log.Submit(acme(t), entry()), log.Record(acme(t), entry())} {
		if !errors.Is(late, tenancy.ErrNotRecorded) {
			t.Errorf("after Close: got %v", late)
		}
	}
	if lines := out.lines(t); len(lines) != 2 || log.Stats().Failed != 2 {
		t.Errorf("after Close: the log has %v", lines)
	}
}

func TestSubmitWaitsForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		s := &sink{}
		s.failing(func(context.Context, []audit.Entry) error { <-release; return nil })
		log, out := newLog(t, audit.Config{Queue: 2, Wait: time.Second, Timeout: time.Hour}, s)
		submit := func() error { return log.Submit(acme(t), entry()) }
		for range 3 { // one that is being written, two in the queue
			if err := submit(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		began := time.Now()
		if err := submit(); !errors.Is(err, tenancy.ErrNotRecorded) || time.Since(began) != time.Second {
			t.Errorf("a full queue: got %v after %v", err, time.Since(began))
		}
		if lines := out.lines(t); len(lines) != 1 || log.Stats().Failed != 1 || log.Stats().Queued != 2 {
			t.Errorf("the log has %v, stats are %+v", lines, log.Stats())
		}
		go func() { time.Sleep(500 * time.Millisecond); close(release) }()
		if err := submit(); err != nil {
			t.Errorf("room in time: got %v", err)
		}
		closeLog(t, log)
		if len(s.all()) != 4 {
			t.Errorf("%d entries, want 4", len(s.all()))
		}
	})
}

// One entry that a sink does not take keeps out none of the others.
func TestQueuedEntriesFailOneByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		s.failing(func(_ context.Context, entries []audit.Entry) error {
			if slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.ResourceID == "poison" }) {
				return errSink
			}
			return nil
		})
		log, out := newLog(t, audit.Config{}, s)
		for i := range 50 {
			e := entry()
			if i == 20 {
				e.ResourceID = "poison"
			}
			if err := log.Submit(acme(t), e); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, log)
		if lines := out.lines(t); len(s.all()) != 49 || len(lines) != 1 || lines[0]["audit"].(map[string]any)["resource_id"] != "poison" {
			t.Errorf("%d entries, and the log has %v", len(s.all()), lines)
		}
		if stats := log.Stats(); stats.Recorded != 49 || stats.Failed != 1 {
			t.Errorf("stats are %+v", stats)
		}
	})
}

// submitBehind submits entries while the sink is busy with one, so that they are
// written together.
func submitBehind(t *testing.T, log *audit.Log, busy chan struct{}, ids ...string) {
	t.Helper()
	for i, id := range append([]string{"first"}, ids...) {
		e := entry()
		e.ResourceID = id
		if err := log.Submit(acme(t), e); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			synctest.Wait()
		}
	}
	close(busy)
}

// One entry with which a sink hangs keeps out none of those behind it.
func TestQueuedEntryThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, busy := &sink{}, make(chan struct{})
		s.failing(func(ctx context.Context, entries []audit.Entry) error {
			<-busy
			if slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.ResourceID == "slow" }) {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		log, out := newLog(t, audit.Config{}, s)
		submitBehind(t, log, busy, "1", "slow", "2", "3", "slow", "4")
		closeLog(t, log)
		if lines := out.lines(t); len(s.all()) != 5 || len(lines) != 2 {
			t.Errorf("%d entries, and the log has %v", len(s.all()), lines)
		}
		if stats := log.Stats(); stats.Recorded != 5 || stats.Failed != 2 {
			t.Errorf("stats are %+v", stats)
		}
	})
}

// A sink that hangs with all of them is given up before it has for each.
func TestSinkThatHangsIsGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, busy := &sink{}, make(chan struct{})
		s.failing(func(ctx context.Context, entries []audit.Entry) error {
			<-busy
			if entries[0].ResourceID != "first" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		log, out := newLog(t, audit.Config{Timeout: time.Second}, s)
		submitBehind(t, log, busy, slices.Repeat([]string{"slow"}, 50)...)
		began := time.Now()
		closeLog(t, log)
		if took := time.Since(began); took != 3*time.Second { // once together, and with two of them
			t.Errorf("took %v", took)
		}
		if lines := out.lines(t); len(s.all()) != 1 || len(lines) != 50 {
			t.Errorf("%d entries, and the log has %d", len(s.all()), len(lines))
		}
	})
}

// A sink that has the entries is not given them again because another has not.
func TestSinkThatFailsIsTheOnlyOneWrittenToAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		poisoned := func(_ context.Context, entries []audit.Entry) error {
			if slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.ResourceID == "poison" }) {
				return errSink
			}
			return nil
		}
		before, picky, after := &sink{}, &sink{fail: poisoned}, &sink{}
		log, out := newLog(t, audit.Config{}, before, picky, after)
		for i := range 50 {
			e := entry()
			if i == 20 {
				e.ResourceID = "poison"
			}
			if err := log.Submit(acme(t), e); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, log)
		if len(before.all()) != 50 || len(picky.all()) != 49 || len(after.all()) != 50 {
			t.Errorf("the sinks have %d, %d and %d entries, want 50, 49 and 50", len(before.all()), len(picky.all()), len(after.all()))
		}
		if stats := log.Stats(); stats.Recorded != 49 || stats.Failed != 1 || len(out.lines(t)) != 1 {
			t.Errorf("stats are %+v, and the log has %v", stats, out.lines(t))
		}
	})
}

// An entry that several sinks do not take is lost once, for the reasons of all.
func TestTwoSinksThatFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		other := errors.New("connection refused")
		good := &sink{}
		log, out := newLog(t, audit.Config{}, &sink{fail: always}, good,
			&sink{fail: func(context.Context, []audit.Entry) error { return other }})
		for range 3 {
			if err := log.Submit(acme(t), entry()); err != nil {
				t.Fatal(err)
			}
		}
		closeLog(t, log)
		lines := out.lines(t)
		if len(lines) != 3 || len(good.all()) != 3 || log.Stats().Failed != 3 {
			t.Fatalf("the log has %v, the sink that works %d entries", lines, len(good.all()))
		}
		for _, line := range lines {
			if why := fmt.Sprint(line["error"]); !strings.Contains(why, errSink.Error()) || !strings.Contains(why, other.Error()) {
				t.Errorf("the log says %s", why)
			}
		}
	})
}

// A sink that panics fails for the entries with which it does, and the others go on.
func TestSinkThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		faulty, after := &sink{}, &sink{}
		faulty.failing(func(_ context.Context, entries []audit.Entry) error {
			if slices.ContainsFunc(entries, func(e audit.Entry) bool { return e.ResourceID == "poison" }) {
				panic("postgres://shop:s3cret@db/shop")
			}
			return nil
		})
		log, out := newLog(t, audit.Config{}, faulty, after)
		poison := entry()
		poison.ResourceID = "poison"
		for _, e := range []audit.Entry{entry(), poison, entry()} {
			if err := log.Submit(acme(t), e); err != nil {
				t.Fatal(err)
			}
		}
		err := log.Record(acme(t), poison)
		if !errors.Is(err, tenancy.ErrNotRecorded) || !strings.Contains(err.Error(), "the sink panicked") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v", err)
		}
		closeLog(t, log)
		if len(faulty.all()) != 2 || len(after.all()) != 4 || log.Stats().Failed != 2 || len(out.lines(t)) != 2 {
			t.Errorf("the sinks have %d and %d entries, stats are %+v, and the log has %v", len(faulty.all()), len(after.all()), log.Stats(), out.lines(t))
		}
	})
}

// A logger's handler may be what panics in the sink, and gets what the sink has not.
func TestLoggerThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logger := slog.New(slog.NewTextHandler(nil, nil)) // which has nowhere to write to
		log, err := audit.New([]audit.Sink{audit.NewSlogSink(logger)}, audit.Config{Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		if err := log.Submit(acme(t), entry()); err != nil {
			t.Fatal(err)
		}
		if err := log.Record(acme(t), entry()); !errors.Is(err, tenancy.ErrNotRecorded) || !strings.Contains(err.Error(), "the logger panicked") {
			t.Errorf("got %v", err)
		}
		closeLog(t, log)
		if s := log.Stats(); s.Failed != 2 || s.Recorded != 0 {
			t.Errorf("stats are %+v", s)
		}
	})
}

// A sink that is gone at the end loses nothing in silence.
func TestCloseGivesUpAndSaysSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newLog(t, audit.Config{Timeout: time.Hour}, &sink{fail: always})
		for range 10 {
			if err := log.Submit(acme(t), entry()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := log.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if lines := out.lines(t); len(lines) != 10 || log.Stats().Failed != 10 || log.Stats().Queued != 0 {
			t.Errorf("the log has %d entries, stats are %+v", len(lines), log.Stats())
		}
	})
}

// Close keeps its deadline while others wait for room, and nobody waits for Close.
func TestCloseWhileTheQueueIsFull(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := func(ctx context.Context, _ []audit.Entry) error { <-ctx.Done(); return ctx.Err() }
		log, out := newLog(t, audit.Config{Queue: 1, Wait: time.Minute, Timeout: time.Hour}, &sink{fail: hangs})
		const callers = 8
		var all sync.WaitGroup
		var mu sync.Mutex
		refused := 0
		began := time.Now()
		if err := log.Submit(acme(t), entry()); err != nil {
			t.Error(err)
		}
		synctest.Wait() // the sink has that one and hangs, so that one more is queued and the rest wait
		for range callers {
			all.Go(func() {
				if err := log.Submit(acme(t), entry()); err != nil {
					if took := time.Since(began); !errors.Is(err, tenancy.ErrNotRecorded) || took != time.Second {
						t.Errorf("a call that waited for room got %v after %v", err, took)
					}
					mu.Lock()
					defer mu.Unlock()
					refused++
				}
			})
		}
		time.Sleep(time.Second)
		all.Go(func() {
			time.Sleep(time.Millisecond)
			if err := log.Record(acme(t), entry()); !errors.Is(err, tenancy.ErrNotRecorded) || time.Since(began) != time.Second+time.Millisecond {
				t.Errorf("Record meanwhile got %v after %v", err, time.Since(began))
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := log.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 2*time.Second {
			t.Errorf("Close got %v after %v", err, time.Since(began))
		}
		all.Wait()
		if refused != callers-1 || log.Stats().Failed != callers+2 || len(out.lines(t)) != callers+2 {
			t.Errorf("%d of %d were refused, stats are %+v", refused, callers, log.Stats())
		}
	})
}

func TestSlogSink(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	quiet := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelWarn}))
	if err := audit.NewSlogSink(quiet).Write(t.Context(), []audit.Entry{entry()}); err == nil {
		t.Error("a logger that drops the entry is no error")
	}
	broken := slog.New(slog.NewTextHandler(failingWriter{}, nil))
	if err := audit.NewSlogSink(broken).Write(t.Context(), []audit.Entry{entry()}); !errors.Is(err, errSink) {
		t.Errorf("a handler that fails: got %v", err)
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errSink }

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]func() (*audit.Log, error){
		"none":         func() (*audit.Log, error) { return audit.New(nil, audit.Config{}) },
		"a nil sink":   func() (*audit.Log, error) { return audit.New([]audit.Sink{nil}, audit.Config{}) },
		"a bad config": func() (*audit.Log, error) { return audit.New([]audit.Sink{&sink{}}, audit.Config{Queue: -1}) },
	} {
		if _, err := refused(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := audit.NewObserver(nil); err == nil {
		t.Error("a nil log was accepted")
	}
}
