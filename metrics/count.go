package metrics

import (
	"sort"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds returns the bounds of the histograms' buckets, in seconds.
func Bounds() []float64 {
	return []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
}

// histogram counts durations. The last bucket is of what is beyond all bounds.
type histogram struct {
	buckets [14]atomic.Uint64
	sum     atomic.Int64 // nanoseconds
}

func (h *histogram) add(bounds []float64, took time.Duration) {
	h.buckets[sort.SearchFloat64s(bounds, took.Seconds())].Add(1)
	h.sum.Add(int64(took))
}

func (h *histogram) read() Duration {
	d := Duration{Seconds: time.Duration(h.sum.Load()).Seconds()}
	last := len(h.buckets) - 1
	for i := range h.buckets {
		d.Count += h.buckets[i].Load()
		if i < last {
			d.Buckets = append(d.Buckets, d.Count)
		}
	}
	return d
}

// named counts by names, of which there are few.
type named[T any] struct{ counts sync.Map }

// of returns the count of a name.
func (n *named[T]) of(name string) *T {
	found, ok := n.counts.Load(name)
	if !ok {
		found, _ = n.counts.LoadOrStore(name, new(T))
	}
	count, _ := found.(*T) // nothing else is put there
	return count
}

func (n *named[T]) each(do func(name string, count *T)) {
	n.counts.Range(func(key, value any) bool {
		name, _ := key.(string)
		count, _ := value.(*T)
		do(name, count)
		return true
	})
}
