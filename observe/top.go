package observe

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/entenancy/tenancy"
)

// Other is the name of all tenants that a [Top] has no account of.
const Other = "other"

// The busiest tenants are found in windows of so many uses for each account. Who
// has none gets that of the least busy, if it had half an equal share of a
// window and more than twice as much as the other. Tenants that are used alike,
// but are too many, so leave each other's accounts alone.
const (
	windowUses     = 64
	enoughUses     = windowUses / 2
	timesAsBusy    = 2
	candidatesEach = 8 // how many others are counted in a window, for each account
)

// Top keeps accounts of the tenants that are busiest, and one of all others, so
// that metrics stay few however many tenants there are. An account is whatever
// T is; its zero value is a new one. T has to be safe for concurrent use, as Top
// is: a struct of atomics.
//
// The first tenants get an account until there are as many as there may be. Then
// a tenant that becomes busier than another takes its place: its account begins
// at zero, and what the other's held is gone. What it did before is in that of
// the others.
type Top[T any] struct {
	limit int
	named atomic.Pointer[map[tenancy.ID]*account[T]] // replaced and not changed
	other account[T]
	uses  atomic.Int64 // in this window

	mu         sync.Mutex // held for each change of what named points to
	candidates map[tenancy.ID]int64
}

type account[T any] struct {
	uses  atomic.Int64 // in this window
	value T
}

// NewTop returns accounts for so many tenants. The limit must not be negative; if
// it is 0, there is only that of the others.
func NewTop[T any](limit int) (*Top[T], error) {
	if limit < 0 {
		return nil, fmt.Errorf("observe: NewTop: the limit is %d and must not be negative", limit)
	}
	t := &Top[T]{limit: limit, candidates: map[tenancy.ID]int64{}}
	t.named.Store(&map[tenancy.ID]*account[T]{})
	return t, nil
}

// Of counts a use of a tenant and returns the account that is in charge of it.
// Do not keep it: ask again for the next use.
func (t *Top[T]) Of(id tenancy.ID) *T {
	if t.limit == 0 { // there is nothing to find out
		return &t.other.value
	}
	a, ok := (*t.named.Load())[id]
	if !ok {
		a = t.stranger(id)
	}
	a.uses.Add(1)
	if t.uses.Add(1) > windowUses*int64(t.limit) {
		t.turn()
	}
	return &a.value
}

// Named yields the tenants that have an account of their own.
func (t *Top[T]) Named() iter.Seq2[tenancy.ID, *T] {
	return func(yield func(tenancy.ID, *T) bool) {
		for id, a := range *t.named.Load() {
			if !yield(id, &a.value) {
				return
			}
		}
	}
}

// Other returns the account of all others.
func (t *Top[T]) Other() *T { return &t.other.value }

// stranger returns the account for a tenant that has none.
func (t *Top[T]) stranger(id tenancy.ID) *account[T] {
	if id == "" || id == Other { // that would be two of one name
		return &t.other
	}
	if len(*t.named.Load()) < t.limit {
		t.mu.Lock()
	} else if !t.mu.TryLock() { // so the others are a sample where there is a crowd
		return &t.other
	}
	defer t.mu.Unlock()
	named := *t.named.Load()
	if a, ok := named[id]; ok {
		return a
	}
	if len(named) < t.limit {
		return t.replace("", id)
	}
	if _, known := t.candidates[id]; known || len(t.candidates) < candidatesEach*t.limit {
		t.candidates[id]++
	}
	return &t.other
}

// replace gives an account to a tenant, and takes that of another. The caller
// holds the mutex.
func (t *Top[T]) replace(old, id tenancy.ID) *account[T] {
	named := maps.Clone(*t.named.Load())
	delete(named, old)
	a := &account[T]{}
	named[id] = a
	t.named.Store(&named)
	return a
}

// turn ends a window: the busiest of those without an account get one.
func (t *Top[T]) turn() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.uses.Load() <= windowUses*int64(t.limit) {
		return // somebody was faster
	}
	named := *t.named.Load()
	busiest := slices.SortedFunc(maps.Keys(t.candidates), func(a, b tenancy.ID) int {
		return cmp.Or(cmp.Compare(t.candidates[b], t.candidates[a]), cmp.Compare(a, b))
	})
	idlest := slices.SortedFunc(maps.Keys(named), func(a, b tenancy.ID) int {
		return cmp.Or(cmp.Compare(named[a].uses.Load(), named[b].uses.Load()), cmp.Compare(a, b))
	})
	for i, id := range busiest {
		uses := t.candidates[id]
		if i >= len(idlest) || uses < enoughUses || uses <= timesAsBusy*named[idlest[i]].uses.Load() {
			break
		}
		t.replace(idlest[i], id)
	}
	for _, a := range *t.named.Load() {
		a.uses.Store(0)
	}
	clear(t.candidates)
	t.uses.Store(0)
}
