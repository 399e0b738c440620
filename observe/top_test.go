package observe_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/observe"
)

func newTop(tb testing.TB, limit int) *observe.Top[atomic.Int64] {
	tb.Helper()
	top, err := observe.NewTop[atomic.Int64](limit)
	if err != nil {
		tb.Fatal(err)
	}
	return top
}

func named(top *observe.Top[atomic.Int64]) (ids []tenancy.ID) {
	for id := range top.Named() {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func TestTopNamesTheFirstAndCountsAll(t *testing.T) {
	t.Parallel()
	top := newTop(t, 2)
	for _, id := range []tenancy.ID{"a", "b", "c", "a", "d", "", "other", "a"} {
		top.Of(id).Add(1)
	}
	if got := named(top); !slices.Equal(got, []tenancy.ID{"a", "b"}) {
		t.Errorf("named are %q", got)
	}
	for id, n := range top.Named() {
		if want := map[tenancy.ID]int64{"a": 3, "b": 1}[id]; n.Load() != want {
			t.Errorf("%s has %d, want %d", id, n.Load(), want)
		}
	}
	if n := top.Other().Load(); n != 4 {
		t.Errorf("the others have %d, want 4", n)
	}
	if _, err := observe.NewTop[int](-1); err == nil {
		t.Error("a negative limit is taken")
	}
	none := newTop(t, 0)
	none.Of("a").Add(1)
	if len(named(none)) > 0 || none.Other().Load() != 1 {
		t.Errorf("a Top of none has %q", named(none))
	}
}

// TestTopFindsTheBusiest begins with ten thousand tenants that are used alike,
// until five of the last become busy.
func TestTopFindsTheBusiest(t *testing.T) {
	t.Parallel()
	const limit = 10
	top := newTop(t, limit)
	random := rand.New(rand.NewPCG(1, 2))
	anybody := func() tenancy.ID { return tenancy.ID(fmt.Sprint(random.IntN(10_000))) }
	for range 20_000 {
		top.Of(anybody()).Add(1)
	}
	before := named(top)
	for range 20_000 {
		top.Of(anybody()).Add(1)
	}
	if after := named(top); !slices.Equal(before, after) {
		t.Errorf("tenants that are used alike push each other out: %q, then %q", before, after)
	}
	for i := range 20_000 {
		top.Of(anybody()).Add(1)
		top.Of(tenancy.ID(fmt.Sprintf("busy-%d", i%5))).Add(1)
	}
	after := named(top)
	for i := range 5 {
		if id := tenancy.ID(fmt.Sprintf("busy-%d", i)); !slices.Contains(after, id) {
			t.Errorf("%s has no account: %q", id, after)
		}
	}
	if len(after) != limit {
		t.Errorf("there are %d accounts, want %d", len(after), limit)
	}
}

func TestTopAtOnce(t *testing.T) {
	t.Parallel()
	const limit, goroutines, each = 8, 8, 2000
	top := newTop(t, limit)
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for i := range each {
				top.Of(tenancy.ID(fmt.Sprint(i % (limit * 100)))).Add(1)
				for range top.Named() {
					break
				}
			}
		})
	}
	all.Wait()
	sum := top.Other().Load()
	for _, n := range top.Named() {
		sum += n.Load()
	}
	if len(named(top)) != limit || sum != goroutines*each {
		t.Errorf("%d accounts hold %d uses of %d", len(named(top)), sum, goroutines*each)
	}
}

func TestTopAllocatesNothing(t *testing.T) {
	top := newTop(t, 1)
	top.Of("a")
	top.Of("b")
	if got := testing.AllocsPerRun(50, func() { top.Of("a").Add(1); top.Of("b").Add(1) }); got != 0 {
		t.Errorf("a use allocates %g times", got)
	}
}
