package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pause"
)

// Apply brings the home and all tenants up to date. Where some fail the others
// are gone on with, and the error is a [PartialError] that names them. It fails with
// [ErrLocked] where the Atlas CLI, or on MySQL another run, is at work.
func (r *Runner) Apply(ctx context.Context) (Report, error) {
	run := &run{Runner: r, start: time.Now(), failed: map[tenancy.ID]bool{}, waited: map[tenancy.ID]Result{}}
	if err := run.open(ctx); err != nil {
		return Report{}, err
	}
	defer run.guard.release()
	scheduling, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	run.halt = halt
	if r.config.Shared != nil {
		run.home(scheduling)
		if len(run.failures) > 0 {
			halt(errHomeFailed)
		}
	}
	run.waves(scheduling)
	run.sweep(scheduling)
	return run.end(ctx, scheduling)
}

// run is one call of Apply.
type run struct {
	*Runner

	start    time.Time
	guard    *guard
	lost     atomic.Bool // something was not confirmed
	halt     context.CancelCauseFunc
	outcomes *outcomes
	homeOnce sync.Once

	mu       sync.Mutex
	report   Report
	failures []Result
	failed   map[tenancy.ID]bool
	waited   map[tenancy.ID]Result // of those that another run was at, or that were left for later: how far they were brought
	held     int                   // results that the confirmer has
	shared   int                   // how often a tenant in shared tables was met
	pass     pass
}

// open takes the guard and reads the outcomes at a time: each needs a connection, and
// to open one takes longer than either.
func (r *run) open(ctx context.Context) error {
	var failed error
	var reading sync.WaitGroup
	reading.Go(func() { r.outcomes, failed = r.openOutcomes(ctx) })
	guard, err := r.engine.guard(ctx, r.config.Home)
	reading.Wait()
	if err == nil && failed != nil {
		guard.release()
	}
	r.guard = guard
	return cmp.Or(err, failed)
}

// pass is what one walk through the tenants has found.
type pass struct {
	alone  bool // execute what is outside of transactions, one tenant at a time
	quiet  bool // those with nothing to do were told of before
	last   bool // what is locked now has failed
	worked int
	locked map[tenancy.ID]bool // those that another run was at
	later  int                 // tenants with files that are outside of transactions
}

// waves goes through the tenants wave by wave, and ends with the first that shows nothing good.
func (r *run) waves(ctx context.Context) {
	for i := range len(r.config.Waves) + 1 {
		before, shared, failed := r.report, r.shared, len(r.failures)
		so := pass{worked: r.pass.worked} // the sweep is for all waves
		r.wave(ctx, so, func(t tenancy.Tenant) bool { return r.waveOf(t) == i })
		if i == len(r.config.Waves) {
			return // the sweep sees to those that another run is at
		}
		r.await(ctx)
		switch name := r.config.Waves[i].Name; {
		case len(r.failures) > failed:
			r.halt(fmt.Errorf("%w: a tenant of the wave %q failed", ErrStopped, name))
		case r.report.Skipped > before.Skipped && r.shared == shared && r.report.Applied+r.report.Unchanged == before.Applied+before.Unchanged:
			r.halt(fmt.Errorf("%w: nobody of the wave %q has a place to migrate", ErrStopped, name))
		}
	}
}

// await goes through the tenants again that another run is at, until it has gone from
// all of them. Those that it has not gone from within Config.LockWait have failed.
func (r *run) await(ctx context.Context) {
	deadline := time.Now().Add(r.config.LockWait)
	for n := 0; len(r.pass.locked) > 0 && backOff(ctx, n) == nil; n++ {
		locked := r.pass.locked
		again := pass{worked: r.pass.worked, quiet: true, last: time.Now().After(deadline)}
		r.wave(ctx, again, func(t tenancy.Tenant) bool { return locked[t.ID] })
	}
}

// backOff waits before those are tried again that another run is at, the first time with n 0.
func backOff(ctx context.Context, n int) error {
	return pause.For(ctx, min(2*time.Second, 50*time.Millisecond<<min(n, 10)))
}

// waveOf returns the number of the first wave that a tenant is in.
func (r *run) waveOf(t tenancy.Tenant) int {
	for i, wave := range r.config.Waves {
		if wave.Match(t) {
			return i
		}
	}
	return len(r.config.Waves)
}

// wave goes through some tenants, and a second time for what is outside of transactions.
func (r *run) wave(ctx context.Context, first pass, match func(tenancy.Tenant) bool) {
	r.pass = first
	r.walk(ctx, match)
	if r.pass.later > 0 && ctx.Err() == nil {
		r.pass.alone, r.pass.quiet = true, true
		r.walk(ctx, match)
	}
}

// maxSweeps is how often the tenants are gone through again, if it never ends.
const maxSweeps = 100

// skew is by how much the clock of who keeps the tenants may be behind.
const skew = time.Minute

// sweep goes through the tenants again for those that were created or changed
// meanwhile, or that another run was at, until there are none.
func (r *run) sweep(ctx context.Context) {
	deadline := time.Now().Add(r.config.LockWait)
	for n := 0; n < maxSweeps && ctx.Err() == nil && r.pass.worked+len(r.pass.locked) > 0; n++ {
		if len(r.pass.locked) > 0 && backOff(ctx, n) != nil {
			return
		}
		last, locked, since := n == maxSweeps-1 || time.Now().After(deadline), r.pass.locked, r.start.Add(-skew)
		r.wave(ctx, pass{quiet: true, last: last}, func(t tenancy.Tenant) bool {
			return locked[t.ID] || t.CreatedAt.IsZero() || t.CreatedAt.After(since) || t.UpdatedAt.After(since)
		})
	}
}

func (r *run) walk(ctx context.Context, match func(tenancy.Tenant) bool) {
	w := &walk{
		Runner: r.Runner,
		match:  func(t tenancy.Tenant) bool { return !r.hasFailed(t.ID) && match(t) },
		broken: func(t tenancy.Tenant, err error) { r.unplaced(ctx, t, err) },
		shared: func() { r.sharedTenant(ctx) },
		settle: r.settle,
		guess:  r.guessable,
		width:  r.config.Concurrency,
	}
	later := r.confirmer(ctx)
	defer later.close()
	w.work = func(ctx context.Context, p *place, s *state) {
		if w.outdated(s) {
			s = nil
		}
		p.later = later.isFor(p)
		result := r.bring(ctx, p, s, r.pass.alone)
		if s != nil && result.From != s.version {
			w.surprised(s)
		}
		if p.later && result.Outcome == Applied {
			later.finish(result)
		} else {
			r.finish(ctx, result)
		}
	}
	if r.pass.alone {
		w.width = 1
	}
	if err := w.run(ctx); err != nil {
		r.halt(err)
	}
}

func (r *run) hasFailed(id tenancy.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[id]
}

// unplaced is the result of a tenant that was not looked at.
func (r *run) unplaced(ctx context.Context, t tenancy.Tenant, err error) {
	result := Result{Tenant: t}.failed(err)
	if errors.Is(err, tenancy.ErrNotProvisioned) {
		result.Outcome, result.Err = r.gone(ctx, &place{tenant: t}, false)
		if r.pass.quiet && result.Outcome == Skipped {
			return
		}
	}
	r.finish(ctx, result)
}

// sharedTenant migrates the home for the first tenant in shared tables, unless it has
// migrations of its own. The report counts the home once, and none of the tenants.
func (r *run) sharedTenant(ctx context.Context) {
	r.shared++
	if r.config.Shared == nil {
		r.homeOnce.Do(func() { r.home(ctx) })
	}
}

func (r *run) home(ctx context.Context) {
	r.finish(ctx, r.bringWhenFree(ctx, r.Runner.home()))
}

// settle tells of what needs no connection of its own: nothing to do, or nothing that can be done.
func (r *run) settle(ctx context.Context, p *place, s *state) (settled bool) {
	if !s.exists {
		return false
	}
	made, err := r.plan(ctx, r.config.Home, p, s)
	switch {
	case err != nil:
		return false // it has changed meanwhile, or is gone
	case made.err != nil:
		r.finish(ctx, Result{Tenant: p.tenant, From: s.version, To: s.version}.failed(made.err))
	case len(made.files) == 0:
		r.finish(ctx, Result{Tenant: p.tenant, Outcome: Unchanged, From: s.version, To: s.version})
	default:
		return false
	}
	return true
}

// guessable says whether what a state needs is a transaction, which looks at the state itself.
func (r *run) guessable(s *state) bool {
	made := r.planner.find(planKey{r.config.Directory, s.key()})
	return r.engine.transactional() && made != nil && made.err == nil && len(made.together().files) > 0
}

// finish takes note of a result, unless it is not the last for its tenant.
func (r *run) finish(ctx context.Context, result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before, waited := r.waited[result.Tenant.ID]
	if waited {
		result = result.after(before)
	}
	switch {
	case errors.Is(result.Err, errNotBegun):
		return
	case errors.Is(result.Err, errLater):
		r.pass.later++
		r.waited[result.Tenant.ID] = result
		return
	case errors.Is(result.Err, ErrLocked) && !r.pass.last && result.Tenant.ID != "":
		if r.pass.locked == nil {
			r.pass.locked = map[tenancy.ID]bool{}
		}
		r.pass.locked[result.Tenant.ID], r.waited[result.Tenant.ID] = true, result
		return
	case r.pass.quiet && !waited && (result.Outcome == Unchanged || result.Outcome == Skipped):
		return
	}
	delete(r.waited, result.Tenant.ID)
	r.report.count(result.Outcome)
	switch result.Outcome {
	case Applied:
		r.pass.worked++
	case Failed:
		r.failures = append(r.failures, result)
		r.failed[result.Tenant.ID] = true
		if r.tooMany() {
			r.halt(errTooMany)
		}
	case Unchanged, Skipped:
	}
	r.outcomes.add(context.WithoutCancel(ctx), result)
	r.config.OnResult(result)
}

// enough is how many tenants have to be tried before a rate means something.
const enough = 20

func (r *run) tooMany() bool {
	n, tried := r.report.Failed, r.report.Failed+r.report.Applied+r.held
	return r.config.MaxFailures > 0 && n >= r.config.MaxFailures ||
		r.config.MaxFailureRate > 0 && tried >= enough && float64(n) > r.config.MaxFailureRate*float64(tried)
}

// unfinished tells of those that have come a part of the way when a run ends early.
func (r *run) unfinished(ctx context.Context, cause error) {
	for _, id := range slices.Sorted(maps.Keys(r.waited)) {
		if left := r.waited[id]; left.From != left.To {
			r.finish(ctx, left.failed(fmt.Errorf("%w, when a part of the migrations was applied: run again", cause)))
		}
	}
}

func (r *run) end(ctx, scheduling context.Context) (Report, error) {
	cause := context.Cause(scheduling)
	if cause != nil {
		r.unfinished(ctx, cause)
	}
	r.outcomes.close(context.WithoutCancel(ctx))
	r.report.Took = time.Since(r.start)
	if len(r.failures) == 0 && cause == nil {
		return r.report, nil
	}
	return r.report, &PartialError{Failures: r.failures, Cause: cause}
}
