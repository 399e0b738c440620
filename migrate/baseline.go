package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy"
)

// Baseline records that the tables which are in a place stand for all migrations
// up to a version, wherever there are tables and no record of migrations: in the
// home and with all tenants. It executes none. It is what Atlas calls a baseline.
//
// Look first, with Status, which places are [ErrDirty], and whether their tables are
// what the migrations up to the version make.
func (r *Runner) Baseline(ctx context.Context, version string) (Report, error) {
	f, ok := r.config.Directory.ours[version]
	if !ok {
		return Report{}, fmt.Errorf("migrate: the directory has no version %q", version)
	}
	run := &run{Runner: r, failed: map[tenancy.ID]bool{}, halt: func(error) {}}
	var err error
	if run.outcomes, err = r.openOutcomes(ctx); err != nil {
		return Report{}, err
	}
	run.pass.last = true
	w := &walk{
		Runner:  r,
		match:   func(tenancy.Tenant) bool { return true },
		broken:  func(t tenancy.Tenant, err error) { run.finish(ctx, Result{Tenant: t}.failed(err)) },
		planned: func(context.Context, *place, *state) bool { return true },
		work:    func(ctx context.Context, p *place, _ *state) { run.finish(ctx, r.baseline(ctx, p, f)) },
		width:   r.config.Concurrency,
	}
	w.shared = func() {
		run.homeOnce.Do(func() {
			if r.config.Shared == nil {
				run.finish(ctx, r.baseline(ctx, r.home(), f))
			}
		})
	}
	if err := w.run(ctx); err != nil {
		run.outcomes.close(context.WithoutCancel(ctx))
		return run.report, err
	}
	return run.end(ctx, ctx)
}

func (r *Runner) baseline(ctx context.Context, p *place, f *file) Result {
	result := Result{Tenant: p.tenant, Outcome: Unchanged}
	conn, release, err := r.session(ctx, p)
	if err != nil {
		return result.failed(err)
	}
	defer release()
	s, err := r.look(ctx, conn, p)
	if err != nil || !s.dirty() {
		return result.orFailed(err)
	}
	if err := r.createRevisions(ctx, conn, s); err != nil {
		return result.failed(err)
	}
	err = writeRevision(ctx, r.engine, conn, &atlas.Revision{
		Version: f.Version(), Description: f.Desc(), Type: atlas.RevisionTypeBaseline, OperatorVersion: operator,
	})
	result.Outcome, result.To = Applied, f.Version()
	return result.orFailed(err)
}

// session waits for the lock of a place.
func (r *Runner) session(ctx context.Context, p *place) (*sql.Conn, func(), error) {
	for deadline := time.Now().Add(r.config.LockWait); ; {
		conn, release, err := r.engine.session(ctx, p)
		if !errors.Is(err, ErrLocked) || time.Now().After(deadline) {
			return conn, release, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
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

// Repair settles a statement of a tenant that is [ErrInDoubt], or that failed and was
// then seen to by hand: done says that it was executed, so that the next run goes on
// after it, and otherwise the next run executes it. It changes nothing else.
//
// It fails where no file of the tenant was left half way.
func (r *Runner) Repair(ctx context.Context, t tenancy.Tenant, done bool) (err error) {
	p, err := r.placeOf(ctx, t)
	if err != nil {
		return err
	}
	if p == nil {
		p = r.home()
	}
	defer func() { err = errors.Join(err, p.close()) }()
	conn, release, err := r.session(ctx, p)
	if err != nil {
		return fmt.Errorf("migrate: repairing %s: %w", t, err)
	}
	defer release()
	s, err := r.look(ctx, conn, p)
	if err != nil {
		return err
	}
	var history []*atlas.Revision
	if s.recorded {
		if history, _, err = r.history(ctx, conn, p.schema); err != nil {
			return err
		}
	}
	for _, v := range history {
		if v.Applied != v.Total {
			return r.settle(ctx, conn, p.directory, v, done)
		}
	}
	return fmt.Errorf("migrate: no migration of %s was left half way", t)
}

func (r *Runner) settle(ctx context.Context, q querier, d *Directory, v *atlas.Revision, done bool) error {
	f, ok := d.ours[v.Version]
	if !ok {
		return fmt.Errorf("migrate: the directory has no version %q", v.Version)
	}
	if err := sameUntil(f, v); err != nil {
		return err
	}
	s := &steps{engine: r.engine, file: f, record: v}
	s.record.Total = len(f.statements)
	if done && v.Applied < len(f.statements) {
		s.done()
	}
	if s.record.Error == begun || !done { // what comes next was not begun
		s.record.Error, s.record.ErrorStmt = "", ""
	}
	if v.Applied == v.Total {
		s.record.Hash = f.hash
	}
	return writeRevision(ctx, r.engine, q, s.record)
}
