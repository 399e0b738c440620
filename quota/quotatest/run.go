package quotatest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/quota"
)

// Run tests a Store. Open returns an empty one, which the test has for itself,
// and is called for each case.
func Run(t *testing.T, open func(t *testing.T) quota.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, quota.Store){
		"Counts":       counts,
		"Refuses":      refuses,
		"Largest":      largest,
		"Releases":     releases,
		"KeepsApart":   keepsApart,
		"Forgets":      forgets,
		"ForgetsOld":   forgetsOld,
		"Concurrent":   concurrent,
		"BackAndForth": backAndForth,
		"Context":      overContext,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

func counter(id tenancy.ID) quota.Counter { return quota.Counter{TenantID: id, Quota: "seats"} }

// consume reports whether n was added, and checks that the counter is as wanted then.
func consume(t *testing.T, s quota.Store, c quota.Counter, n, limit, want int64) bool {
	t.Helper()
	used, ok, err := s.Consume(t.Context(), c, n, limit)
	if err != nil {
		t.Fatalf("Consume: %v", err)
	}
	if !ok && used != want {
		t.Errorf("Consume(%d of %d) says that %d are used, not %d", n, limit, used, want)
	}
	checkUsed(t, s, c, want)
	return ok
}

func checkUsed(t *testing.T, s quota.Store, c quota.Counter, want int64) {
	t.Helper()
	used, err := s.Used(t.Context(), c)
	if err != nil || used != want {
		t.Errorf("Used is %d (%v), not %d", used, err, want)
	}
}

func counts(t *testing.T, s quota.Store) {
	c := counter("acme")
	checkUsed(t, s, c, 0)
	for i := range int64(5) {
		if !consume(t, s, c, 1, 5, i+1) {
			t.Errorf("number %d of 5 was refused", i+1)
		}
	}
	checkUsed(t, s, c, 5)
}

func refuses(t *testing.T, s quota.Store) {
	c := counter("acme")
	if consume(t, s, c, 1, 0, 0) {
		t.Error("one of none was allowed")
	}
	if consume(t, s, c, 6, 5, 0) {
		t.Error("6 of 5 were allowed")
	}
	if !consume(t, s, c, 4, 5, 4) {
		t.Error("4 of 5 were refused")
	}
	if consume(t, s, c, 2, 5, 4) {
		t.Error("4 and 2 of 5 were allowed")
	}
	if !consume(t, s, c, 1, 5, 5) || consume(t, s, c, 1, 5, 5) {
		t.Error("not exactly 5 of 5 were allowed")
	}
	// The limit is that of the call: raised it holds at once, and so does lowered.
	if !consume(t, s, c, 1, 6, 6) || consume(t, s, c, 1, 3, 6) {
		t.Error("the limit of the call did not count")
	}
	checkUsed(t, s, c, 6)
}

func largest(t *testing.T, s quota.Store) {
	c := counter("acme")
	if !consume(t, s, c, quota.Max, quota.Max, quota.Max) || consume(t, s, c, 1, quota.Max, quota.Max) ||
		consume(t, s, c, quota.Max, quota.Max, quota.Max) {
		t.Error("the largest limit does not hold")
	}
}

func releases(t *testing.T, s quota.Store) {
	c := counter("acme")
	release := func(n, want int64) {
		t.Helper()
		if err := s.Release(t.Context(), c, n); err != nil {
			t.Fatalf("Release: %v", err)
		}
		checkUsed(t, s, c, want)
	}
	release(3, 0)
	consume(t, s, c, 5, 5, 5)
	release(2, 3)
	if !consume(t, s, c, 2, 5, 5) {
		t.Error("what was released cannot be had again")
	}
	release(6, 0)
	release(1, 0)
	if !consume(t, s, c, 5, 5, 5) || consume(t, s, c, 1, 5, 5) {
		t.Error("releasing more than was used made room above the limit")
	}
}

func keepsApart(t *testing.T, s quota.Store) {
	all := []quota.Counter{
		{TenantID: "acme", Quota: "seats"},
		{TenantID: "Acme", Quota: "seats"}, // ids that differ by case, by an accent, by what looks like a separator
		{TenantID: "acmé", Quota: "seats"},
		{TenantID: "acme:seats", Quota: "seats"},
		{TenantID: "acme:", Quota: "seats"},
		{TenantID: tenancy.ID(strings.Repeat("é", tenancy.MaxIDLength)), Quota: "seats"},
		{TenantID: "acme", Quota: "Seats"},
		{TenantID: "acme", Quota: "seats", Period: "2026-11"},
		{TenantID: "acme", Quota: "seats", Period: "2026-12"},
		{TenantID: "acme", Quota: strings.Repeat("s", quota.MaxName), Period: strings.Repeat("p", quota.MaxName)},
	}
	for i, c := range all {
		consume(t, s, c, int64(i+1), 100, int64(i+1))
	}
	for i, c := range all {
		checkUsed(t, s, c, int64(i+1))
	}
}

func forgets(t *testing.T, s quota.Store) {
	mine, other := counter("acme"), counter("globex")
	monthly := quota.Counter{TenantID: "acme", Quota: "messages", Period: "2026-11"}
	for _, c := range []quota.Counter{mine, other, monthly} {
		consume(t, s, c, 2, 5, 2)
	}
	for range 2 { // there is nothing wrong with nothing to forget
		if err := s.Forget(t.Context(), "acme"); err != nil {
			t.Fatalf("Forget: %v", err)
		}
	}
	checkUsed(t, s, mine, 0)
	checkUsed(t, s, monthly, 0)
	checkUsed(t, s, other, 2)
}

func forgetsOld(t *testing.T, s quota.Store) {
	of := func(id tenancy.ID, name, period string) quota.Counter {
		return quota.Counter{TenantID: id, Quota: name, Period: period}
	}
	old := []quota.Counter{
		of("acme", "messages", "2025-12"), of("acme", "messages", "2026-10"), of("acme", "messages", "2026-1"),
		of("acme", "messages", "-"), of("acme", "messages", "2026-"),
	}
	kept := []quota.Counter{
		of("acme", "messages", ""), of("acme", "messages", "2026-11"), of("acme", "messages", "2026-12"),
		of("acme", "messages", "2026-9"), of("acme", "messages", "A"), of("acme", "messages", "a"), of("acme", "messages", "z"),
		of("acme", "message", "2026-10"), of("acme", "messagess", "2026-10"), of("acme", "Messages", "2026-10"),
		of("Acme", "messages", "2026-10"), of("acme:", "messages", "2026-10"), of("globex", "messages", "2026-10"),
	}
	for _, c := range append(old, kept...) {
		consume(t, s, c, 2, 5, 2)
	}
	for range 2 { // there is nothing wrong with nothing to forget
		if err := s.ForgetBefore(t.Context(), of("acme", "messages", "2026-11")); err != nil {
			t.Fatalf("ForgetBefore: %v", err)
		}
	}
	for _, c := range old {
		checkUsed(t, s, c, 0)
	}
	for _, c := range kept {
		checkUsed(t, s, c, 2)
	}
	if err := s.ForgetBefore(t.Context(), of("acme", "messages", "B")); err != nil { // in many languages "a" is before it
		t.Fatalf("ForgetBefore: %v", err)
	}
	checkUsed(t, s, of("acme", "messages", "A"), 0)
	checkUsed(t, s, of("acme", "messages", "a"), 2)
	checkUsed(t, s, of("acme", "messages", ""), 2)
}

// atOnce is how many goroutines a case has.
const atOnce = 64

func concurrent(t *testing.T, s quota.Store) {
	const each, limit = 2, 50
	c := counter("acme")
	var allowed atomic.Int64
	run(func(int) {
		for range each {
			_, ok, err := s.Consume(t.Context(), c, 1, limit)
			if err != nil {
				t.Errorf("Consume: %v", err)
			}
			if ok {
				allowed.Add(1)
			}
		}
	})
	if allowed.Load() != limit {
		t.Errorf("of %d at once %d were allowed, not %d", atOnce*each, allowed.Load(), limit)
	}
	checkUsed(t, s, c, limit)
}

// backAndForth gives everything back that it gets, so that nothing is used in the end.
func backAndForth(t *testing.T, s quota.Store) {
	const limit = 10
	c := counter("acme")
	var held atomic.Int64
	run(func(i int) {
		n := int64(i%3 + 1)
		_, ok, err := s.Consume(t.Context(), c, n, limit)
		if err != nil {
			t.Errorf("Consume: %v", err)
		}
		if !ok {
			return
		}
		if held.Add(n) > limit {
			t.Errorf("more than %d are held at the same time", limit)
		}
		held.Add(-n)
		if err := s.Release(t.Context(), c, n); err != nil {
			t.Errorf("Release: %v", err)
		}
	})
	checkUsed(t, s, c, 0)
}

func run(do func(i int)) {
	var all sync.WaitGroup
	for i := range atOnce {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// overContext: what is refused because its time is over is not counted.
func overContext(t *testing.T, s quota.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := counter("acme")
	_, _, err := s.Consume(ctx, c, 1, 5)
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("Consume failed with %v, not with the context's error", err)
	}
	if err != nil {
		checkUsed(t, s, c, 0)
	}
}
