package ratelimit

import (
	"sync"
	"sync/atomic"
	"time"
)

// outage is a circuit breaker. While it is open, one caller in a while may try.
type outage struct {
	open atomic.Bool // so that nobody takes the lock while all is well

	mu    sync.Mutex
	began time.Time
	next  time.Time // when somebody may try
	told  time.Time // when it was last spoken of
}

// repeatEvery is how often an outage that goes on is spoken of.
const repeatEvery = 10 * time.Second

// is reports whether there is an outage.
func (o *outage) is() bool { return o.open.Load() }

// mayTry reports whether the caller is to ask the limiter. During an outage the
// first to ask may, and nobody else until after has passed.
func (o *outage) mayTry(now time.Time, after time.Duration) bool {
	if !o.open.Load() {
		return true
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if now.Before(o.next) {
		return false
	}
	o.next = now.Add(after)
	return true
}

// fail notes a failure, and reports whether an outage begins with it.
func (o *outage) fail(now time.Time, after time.Duration) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = now.Add(after)
	if o.open.Load() {
		return false
	}
	o.began, o.told = now, now
	o.open.Store(true)
	return true
}

// mayRepeat reports whether it is time to speak of the outage again.
func (o *outage) mayRepeat(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now.Sub(o.told) < repeatEvery {
		return false
	}
	o.told = now
	return true
}

// end notes a success, and returns how long the outage was that ends with it.
func (o *outage) end(now time.Time) (time.Duration, bool) {
	if !o.open.Load() {
		return 0, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.open.Load() {
		return 0, false
	}
	o.open.Store(false)
	return now.Sub(o.began), true
}
