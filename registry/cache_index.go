package registry

import (
	"hash/maphash"
	"sync/atomic"
)

// index finds entries by a key. Any number of goroutines read it without
// waiting for each other or for the one that changes it: what a bucket points
// to is never changed, only replaced.
type index struct {
	seed    maphash.Seed // strangers choose the keys, and shall not choose the buckets
	mask    uint64
	buckets []atomic.Pointer[[]slot]
}

type slot struct {
	key   string
	entry *entry
}

// newIndex returns an index with room for size entries, some four to a bucket.
func newIndex(size int) *index {
	n := uint64(1)
	for n < uint64(size)/4 { //nolint:gosec // size is positive
		n *= 2
	}
	return &index{seed: maphash.MakeSeed(), mask: n - 1, buckets: make([]atomic.Pointer[[]slot], n)}
}

func (x *index) bucket(key string) *atomic.Pointer[[]slot] {
	return &x.buckets[maphash.String(x.seed, key)&x.mask]
}

// get returns the entry under a key, nil if there is none.
func (x *index) get(key string) *entry {
	slots := x.bucket(key).Load()
	if slots == nil {
		return nil
	}
	for i := range *slots {
		if (*slots)[i].key == key {
			return (*slots)[i].entry
		}
	}
	return nil
}

// put takes an entry in, in the place of the one that had its key. One
// goroutine at a time may call put and remove.
func (x *index) put(key string, e *entry) { x.replace(key, &slot{key, e}) }

// remove takes an entry out, unless the key is another one's by now.
func (x *index) remove(key string, e *entry) {
	if x.get(key) == e {
		x.replace(key, nil)
	}
}

func (x *index) replace(key string, with *slot) {
	bucket := x.bucket(key)
	var slots []slot
	if old := bucket.Load(); old != nil {
		for _, s := range *old {
			if s.key != key {
				slots = append(slots, s)
			}
		}
	}
	if with != nil {
		slots = append(slots, *with)
	}
	if len(slots) == 0 {
		bucket.Store(nil)
		return
	}
	bucket.Store(&slots)
}

// all calls do with every entry, while others may change the index.
func (x *index) all(do func(*entry)) {
	for i := range x.buckets {
		if slots := x.buckets[i].Load(); slots != nil {
			for _, s := range *slots {
				do(s.entry)
			}
		}
	}
}
