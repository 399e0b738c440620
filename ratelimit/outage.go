package ratelimit

import (
	"sync"
	"sync/atomic"
	"time"
)

// outage is a circuit breaker. While it is open, one caller in a while may try.
//
// It opens when nothing succeeds any more, and not because something fails: a cluster
// that lacks a shard, or a Redis that is slow, fails some calls and answers the others.
type outage struct {
	open    atomic.Bool
	trouble atomic.Bool // so that a success takes no lock while all is well

	mu       sync.Mutex
	failures int           // in a row
	began    time.Time     // the first of these
	took     time.Duration // the last outage
	next     time.Time     // when somebody may try
	told     [messages]time.Time
	owed     bool // an outage was told of, and no end of one since
}

// message is something to tell of the limiter.
type message int

const (
	nothing   message = iota
	someFail          // calls fail
	allFail           // and none succeeds
	allIsWell         // an outage is over
	messages
)

// tellEvery is how often the same is told, whatever the limiter does.
const tellEvery = 10 * time.Second

// An outage begins with so many failures in a row, and so long after the first of them.
const (
	enoughFailures = 5
	longEnough     = time.Second
)

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

// fail notes a failure. It reports whether an outage begins with it, and returns what
// to tell.
func (o *outage) fail(now time.Time, after time.Duration) (begins bool, tell message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.trouble.Store(true)
	if o.failures == 0 {
		o.began = now
	}
	o.failures++
	o.next = now.Add(after)
	if !o.open.Load() && o.failures >= enoughFailures && now.Sub(o.began) >= longEnough {
		o.open.Store(true)
		begins = true
	}
	if !o.open.Load() {
		return begins, o.mayTell(someFail, now)
	}
	tell = o.mayTell(allFail, now)
	o.owed = o.owed || tell == allFail
	return begins, tell
}

// succeed notes a success. It returns what to tell, and how long the last outage was.
// Who was told of an outage is told of an end too, if need be by a success that comes
// later.
func (o *outage) succeed(now time.Time) (time.Duration, message) {
	if !o.trouble.Load() {
		return 0, nothing
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.open.Swap(false) {
		o.took = now.Sub(o.began)
	}
	o.failures = 0
	tell := nothing
	if o.owed {
		tell = o.mayTell(allIsWell, now)
	}
	o.owed = o.owed && tell == nothing
	o.trouble.Store(o.owed)
	return o.took, tell
}

// mayTell returns what to tell: nothing, if it was told already a short time ago. The
// caller holds the mutex.
func (o *outage) mayTell(m message, now time.Time) message {
	if now.Sub(o.told[m]) < tellEvery {
		return nothing
	}
	o.told[m] = now
	return m
}
