package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pause"
)

// Baseline records that the tables which are in a place stand for all migrations
// up to a version, wherever there are tables and no record of migrations: in the
// home, whoever lives there, and with all tenants. It executes none. It is what
// Atlas calls a baseline.
//
// With Config.Shared, the home is recorded at that directory's file of the version.
// Where the directory of a place has none, the place is left as it is; where neither
// has, nothing is done.
//
// Look first, with BaselinePlan, which places these are, and whether their tables are
// what the migrations up to the version make.
func (r *Runner) Baseline(ctx context.Context, version string) (Report, error) {
	b, err := r.baselineOf(version)
	if err != nil {
		return Report{}, err
	}
	run := &run{Runner: r, start: time.Now(), failed: map[tenancy.ID]bool{}, halt: func(error) {}}
	if run.outcomes, err = r.openOutcomes(ctx); err != nil {
		return Report{}, err
	}
	run.pass.last = true
	if err := b.everywhere(ctx, b.record, func(result Result) { run.finish(ctx, result) }); err != nil {
		run.outcomes.close(context.WithoutCancel(ctx))
		return run.report, err
	}
	return run.end(ctx, ctx)
}

// BaselinePlan tells what Baseline would do, and changes nothing. It returns a result
// for each place that would be recorded, as applied, or would fail. The order is not
// certain.
func (r *Runner) BaselinePlan(ctx context.Context, version string) ([]Result, error) {
	b, err := r.baselineOf(version)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	var results []Result
	err = b.everywhere(ctx, b.preview, func(result Result) {
		mu.Lock()
		defer mu.Unlock()
		if result.Outcome != Unchanged {
			results = append(results, result)
		}
	})
	return results, errors.Join(err, context.Cause(ctx))
}

// baseline is a version that is recorded where there are tables and no record.
type baseline struct {
	*Runner

	version string
}

func (r *Runner) baselineOf(version string) (*baseline, error) {
	b := &baseline{Runner: r, version: version}
	if !r.config.has(version) {
		return nil, fmt.Errorf("%w %q: name one of a file", ErrNoVersion, version)
	}
	if r.config.Tenants == nil {
		return nil, errNoTenants
	}
	return b, nil
}

// file is what is recorded in a place, nil where its directory does not have the version.
func (b *baseline) file(p *place) *file { return p.directory.ours[b.version] }

// everywhere is for the home and all tenants. The home has a result if it has migrations
// of its own, if a tenant lives there, or if there is something to record.
func (b *baseline) everywhere(ctx context.Context, at func(context.Context, *place) Result, finish func(Result)) error {
	home := sync.OnceFunc(func() { finish(at(ctx, b.home())) })
	s, err := b.look(ctx, b.config.Home, b.home())
	if err != nil {
		return err
	}
	if b.config.Shared != nil || s.dirty() {
		home()
	}
	w := &walk{
		Runner: b.Runner,
		match:  func(tenancy.Tenant) bool { return true },
		broken: func(t tenancy.Tenant, err error) { finish(Result{Tenant: t}.failed(err)) },
		shared: home,
		settle: func(context.Context, *place, *state) bool { return false },
		work:   func(ctx context.Context, p *place, _ *state) { finish(at(ctx, p)) },
		width:  b.config.Concurrency,
	}
	return w.run(ctx)
}

// due says whether a place has tables and no record, and the result if that is all that is done.
func (b *baseline) due(ctx context.Context, q querier, p *place) (*state, Result) {
	result := Result{Tenant: p.tenant, Outcome: Unchanged}
	s, err := b.look(ctx, q, p)
	if err == nil && !s.exists {
		err = errMissing
	}
	if err != nil || !s.dirty() {
		return s, result.orFailed(err)
	}
	result.Outcome, result.To = Applied, b.version
	return s, result
}

func (b *baseline) preview(ctx context.Context, p *place) Result {
	if b.file(p) == nil {
		return Result{Tenant: p.tenant, Outcome: Unchanged}
	}
	_, result := b.due(ctx, p.db, p)
	return result
}

func (b *baseline) record(ctx context.Context, p *place) Result {
	nothing := Result{Tenant: p.tenant, Outcome: Unchanged}
	f := b.file(p)
	if f == nil {
		return nothing
	}
	conn, release, err := b.session(ctx, p)
	if err != nil {
		return nothing.failed(err)
	}
	defer release()
	s, result := b.due(ctx, conn, p)
	if result.Outcome != Applied {
		return result
	}
	err = b.createRevisions(ctx, conn, s)
	if err == nil {
		err = b.engine.write(ctx, conn, nil, &atlas.Revision{
			Version: f.Version(), Description: f.Desc(), Type: atlas.RevisionTypeBaseline, OperatorVersion: operator,
		})
	}
	if err != nil {
		return nothing.failed(err)
	}
	return result
}

// session waits for the lock of a place.
func (r *Runner) session(ctx context.Context, p *place) (*sql.Conn, func(), error) {
	for deadline := time.Now().Add(r.config.LockWait); ; {
		conn, release, err := r.engine.session(ctx, p)
		if !errors.Is(err, ErrLocked) || time.Now().After(deadline) {
			return conn, release, err
		}
		if err := pause.For(ctx, 50*time.Millisecond); err != nil {
			return nil, nil, err
		}
	}
}

func (r Result) orFailed(err error) Result {
	if err != nil {
		return r.failed(err)
	}
	return r
}

// Repaired is the statement that [Runner.Repair] has settled.
type Repaired struct {
	File      string
	Line      int
	Statement string
}

// Repair settles a statement of a tenant that is [ErrInDoubt], or that failed and was
// then seen to by hand: done says that it was executed, so that the next run goes on
// after it, and otherwise the next run executes it. It changes nothing else.
//
// It fails where no file of the tenant was left half way, or none of its statements is left.
func (r *Runner) Repair(ctx context.Context, t tenancy.Tenant, done bool) (_ Repaired, err error) {
	p, err := r.placeOf(ctx, t)
	if err != nil {
		return Repaired{}, err
	}
	if p == nil {
		p = r.home()
	}
	defer func() { err = errors.Join(err, p.close()) }()
	conn, release, err := r.session(ctx, p)
	if err != nil {
		return Repaired{}, fmt.Errorf("migrate: repairing %s: %w", t, err)
	}
	defer release()
	s, err := r.look(ctx, conn, p)
	if err != nil {
		return Repaired{}, err
	}
	var history []*atlas.Revision
	if s.recorded {
		if history, _, err = r.history(ctx, conn, p.schema); err != nil {
			return Repaired{}, err
		}
	}
	for _, v := range history {
		if v.Applied != v.Total {
			return r.settle(ctx, conn, p.directory, v, done)
		}
	}
	return Repaired{}, fmt.Errorf("migrate: no migration of %s was left half way", t)
}

func (r *Runner) settle(ctx context.Context, q querier, d *Directory, v *atlas.Revision, done bool) (Repaired, error) {
	f, ok := d.ours[v.Version]
	if !ok {
		return Repaired{}, fmt.Errorf("migrate: the directory has no version %q", v.Version)
	}
	if err := sameUntil(f, v); err != nil {
		return Repaired{}, err
	}
	if v.Applied == len(f.statements) { // what was left of it was taken out
		return Repaired{}, fmt.Errorf("migrate: no statement of %s is left to settle: run again", f.Name())
	}
	was, left := *v, f.statements[v.Applied]
	s := &steps{engine: r.engine, file: f, record: v}
	s.record.Total = len(f.statements)
	if done {
		s.done()
	}
	if s.record.Error == begun || !done { // what comes next was not begun
		s.record.Error, s.record.ErrorStmt = "", ""
	}
	if v.Applied == v.Total {
		s.record.Hash = f.hash
	}
	return Repaired{f.Name(), left.line, left.text}, r.engine.write(ctx, q, &was, s.record)
}
