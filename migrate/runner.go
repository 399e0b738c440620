package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/pause"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// Runner migrates tenants. It is made by [New], holds nothing open, and is safe
// for concurrent use.
type Runner struct {
	config  Config
	engine  engine
	planner planner
}

// New returns the Runner of a configuration. It does not connect. It fails where
// the configuration cannot be meant, and names the field.
func New(config Config) (*Runner, error) {
	config, err := config.withDefaults()
	if err != nil {
		return nil, err
	}
	r := &Runner{config: config, planner: planner{to: config.ToVersion}}
	r.engine, err = newEngine(&r.config)
	return r, err
}

func (r *Runner) dialect() string { return r.config.Directory.dialect }

// Directory is Config.Directory.
func (r *Runner) Directory() *Directory { return r.config.Directory }

// ApplyTo brings one tenant up to date, whatever its status. It is for who
// provisions or repairs it: the tenant's schema or database has to be there. A
// tenant in shared tables brings the home up to date. It waits for other runs
// that are at the tenant. The error is that of the result.
func (r *Runner) ApplyTo(ctx context.Context, t tenancy.Tenant) (Result, error) {
	p, err := r.placeOf(ctx, t)
	if err != nil {
		return Result{Tenant: t, Outcome: Failed, Err: err}, err
	}
	if p == nil {
		p = r.home()
	}
	result := r.bringWhenFree(ctx, p)
	if errors.Is(result.Err, errNotBegun) {
		result = result.failed(context.Cause(ctx))
	}
	if result.Outcome == Skipped {
		result.Outcome, result.Err = Failed, fmt.Errorf("migrate: %w: %s", tenancy.ErrNotProvisioned, result.who())
	}
	return result, errors.Join(result.Err, p.close())
}

// bringWhenFree brings a place up to date, when another run has gone from it.
func (r *Runner) bringWhenFree(ctx context.Context, p *place) Result {
	for deadline := time.Now().Add(r.config.LockWait); ; {
		result := r.bring(ctx, p, nil, true)
		if !errors.Is(result.Err, ErrLocked) || time.Now().After(deadline) || pause.For(ctx, 50*time.Millisecond) != nil {
			return result
		}
	}
}

// maxTurns is how often a place is looked at again in one attempt: for each part
// of its files, and where the state has changed meanwhile.
const maxTurns = 1000

// changedTries is how often the state may have changed since it was read.
const changedTries = 3

// errLater says that what is left has to be executed outside of transactions.
var errLater = errors.New("migrate: the rest is outside of transactions")

// errNotBegun says that the context ended before anything was done.
var errNotBegun = errors.New("migrate: not begun")

// bring brings one place up to date, from a state that was read before or from
// none. Unless alone, it stops with errLater before a file that is outside of
// transactions. The context ends it while it reads, and not while it executes.
func (r *Runner) bring(ctx context.Context, p *place, s *state, alone bool) (result Result) {
	start, there, changed := time.Now(), false, 0
	result = Result{Tenant: p.tenant, Outcome: Unchanged}
	defer func() { result.Took = time.Since(start) }()
	for range maxTurns {
		var made *plan
		var err error
		if s, made, err = r.next(ctx, p, s); s != nil && s.exists {
			there = there || !s.guessed
			result.at(s.version)
		}
		n := 0
		if err == nil {
			if len(made.files) == 0 {
				return result
			}
			n, err = r.execute(context.WithoutCancel(ctx), p, made, alone)
		}
		switch {
		case err == nil && n == len(made.files):
			result.Outcome, result.To = Applied, made.to()
			return result
		case err == nil:
			result.Outcome, there = Applied, true
		case errors.Is(err, errChanged) && changed < changedTries:
			changed++
			result.at("") // until somebody has looked
		default:
			begun := result.Outcome != Unchanged || n > 0
			return r.endedBy(ctx, err, p, result, begun, there)
		}
		s = nil
	}
	return result.failed(errChanged)
}

// endedBy is the result of a place that is not brought any further because of an error.
func (r *Runner) endedBy(ctx context.Context, err error, p *place, result Result, begun, there bool) Result {
	switch {
	case errors.Is(err, errChanged):
		return result.failed(fmt.Errorf("%w: %w", ErrLocked, err))
	case ctx.Err() != nil && !begun:
		return result.failed(errNotBegun)
	case r.engine.missing(err):
		result.Outcome, result.Err = r.gone(ctx, p, there)
		return result
	default:
		return result.failed(err)
	}
}

// at notes the version that a place is at, which it may have been before.
func (r *Result) at(version string) {
	if r.To = version; r.Outcome == Unchanged {
		r.From = version
	}
}

// next reads the state of a place unless it is known, and plans for it.
func (r *Runner) next(ctx context.Context, p *place, s *state) (*state, *plan, error) {
	if s == nil {
		var err error
		if s, err = r.look(ctx, p.db, p); err != nil {
			return nil, nil, err
		}
	}
	if !s.exists {
		return s, nil, errMissing
	}
	made, err := r.plan(ctx, p.db, p, s)
	if err == nil {
		err = made.err
	}
	return s, made, err
}

// execute executes the first part of a plan, and says how many files that were:
// those that are one transaction, or those that are outside of transactions.
func (r *Runner) execute(ctx context.Context, p *place, made *plan, alone bool) (int, error) {
	if !r.engine.transactional() {
		return len(made.files), r.stepwise(ctx, p, made, made.files)
	}
	if part := made.together(); len(part.files) > 0 {
		return len(part.files), r.engine.transact(ctx, p, part)
	}
	if !alone {
		return 0, errLater
	}
	n := slices.IndexFunc(made.files, func(f pending) bool { return !f.alone })
	if n < 0 {
		n = len(made.files)
	}
	return n, r.stepwise(ctx, p, made, made.files[:n])
}

// stepwise executes files statement by statement, under the place's lock.
func (r *Runner) stepwise(ctx context.Context, p *place, made *plan, files []pending) error {
	conn, release, err := r.engine.session(ctx, p)
	if err != nil {
		return err
	}
	defer release()
	now, err := r.look(ctx, conn, p)
	if err != nil {
		return err
	}
	if now.key() != made.from.key() {
		return errChanged
	}
	if err := r.createRevisions(ctx, conn, now); err != nil {
		return err
	}
	if files, err = r.ownRecords(ctx, conn, p, now, files); err != nil {
		return err
	}
	for _, f := range files {
		s := newSteps(r.engine, conn, f)
		s.logger = r.config.Logger.With("tenant", p.tenant)
		if err := s.run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ownRecords are files with what the place itself has on record of them. The plan has
// another place's, whose statement may have failed where this one's was begun.
func (r *Runner) ownRecords(ctx context.Context, q querier, p *place, s *state, files []pending) ([]pending, error) {
	if !slices.ContainsFunc(files, func(f pending) bool { return f.revision != nil }) {
		return files, nil
	}
	history, sum, err := r.history(ctx, q, p.schema)
	if err != nil {
		return nil, err
	}
	if sum != s.text {
		return nil, errChanged
	}
	all := make([]atlas.File, len(files))
	for i, f := range files {
		all[i] = f.File
	}
	return pendingFiles(p.directory, all, history)
}

func (r *Runner) createRevisions(ctx context.Context, q querier, s *state) error {
	if s.recorded {
		return nil
	}
	return r.engine.createRevisions(ctx, q)
}

// gone says what it means that a place is not there.
func (r *Runner) gone(ctx context.Context, p *place, there bool) (Outcome, error) {
	t := p.tenant
	if r.config.Find != nil && t.ID != "" {
		found, err := r.config.Find(ctx, t.ID)
		switch {
		case errors.Is(err, tenancy.ErrNotFound):
			return Skipped, nil
		case err != nil:
			return Failed, fmt.Errorf("migrate: its place is not there, and its record cannot be read: %w", err)
		}
		t, there = found, false
	}
	if t.ID != "" && (there || t.Status == tenancy.StatusProvisioning || t.Status == tenancy.StatusDeleted) {
		return Skipped, nil
	}
	return Failed, fmt.Errorf("migrate: %w: its schema or database is not there", tenancy.ErrNotProvisioned)
}

// failed returns the result with an error, and where in the files it was.
func (r Result) failed(err error) Result {
	err = pgerror.WithoutConfig(err)
	r.Outcome, r.Err = Failed, err
	var at *statementError
	if errors.As(err, &at) {
		one := at.file.statements[at.at]
		r.File, r.Line, r.Statement = at.file.Name(), one.line, one.text
	}
	return r
}
