package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	atlas "ariga.io/atlas/sql/migrate"
)

// plan is what has to be done in all places of the same state.
type plan struct {
	from  *state
	files []pending
	err   error // why nothing can be done
}

// pending is a file that was not applied, or not to its end.
type pending struct {
	*file

	applied  int             // how many statements were
	revision *atlas.Revision // of the part that was, or nil
}

// to is the version that the plan leads to.
func (p *plan) to() string {
	if len(p.files) == 0 {
		return p.from.version
	}
	return p.files[len(p.files)-1].Version()
}

// upTo is the part of a plan up to a version, or all of it. Files are in the order of
// their names, in which those of versions of one length are.
func (p *plan) upTo(version string) *plan {
	if i := slices.IndexFunc(p.files, func(f pending) bool { return f.Version() == version }); i >= 0 {
		return &plan{from: p.from, files: p.files[:i+1]}
	}
	later := func(f pending) bool { return f.Version() > version }
	if n := slices.IndexFunc(p.files, later); version != "" && n >= 0 {
		if n == 0 && isCheckpoint(p.files[0].File) {
			return &plan{from: p.from, err: fmt.Errorf("migrate: the version to end at, %s, is before the checkpoint %s, "+
				"with which a place that has nothing begins: name that version, or a later one", version, p.files[0].Name())}
		}
		return &plan{from: p.from, files: p.files[:n]}
	}
	return p
}

// together is the part of a plan that is one transaction. A file that validates is one
// of its own: what the files before it have altered would be locked for everybody while
// it reads the rows, and what it has altered itself while the next one reads. In a place
// where nothing was applied there are no rows, and nobody waits. A file that adds a value
// to an enum is the last one of its transaction: before the end nothing can use the value.
func (p *plan) together() *plan {
	n := len(p.files)
	for i, f := range p.files {
		if f.alone {
			n = i
			break
		}
		if f.validates && p.from.count > 0 {
			n = max(i, 1)
			break
		}
		if f.addsValue {
			n = i + 1
			break
		}
	}
	if n == len(p.files) {
		return p
	}
	return &plan{from: p.from, files: p.files[:n]}
}

// maxPlans is how many plans are kept. There are as many as there are states.
const maxPlans = 1000

// planner makes a plan once for all places of the same state. It is safe for
// concurrent use.
type planner struct {
	to string // the last version that is planned for, empty for all

	mu   sync.Mutex
	made map[planKey]*plan
}

// planKey is the same for places for which the same plan is made.
type planKey struct {
	directory *Directory
	state     stateKey
}

// plan says what has to be done in a place of a state. The error is that of the
// database; why nothing can be done is in the plan.
func (r *Runner) plan(ctx context.Context, q querier, p *place, s *state) (*plan, error) {
	key := planKey{p.directory, s.key()}
	if made := r.planner.find(key); made != nil {
		return made, nil
	}
	if s.guessed { // the plan has been forgotten, and is not to be made of what another place has
		return nil, errChanged
	}
	// Not under the planner's lock: a database that does not answer is not to hold up others.
	var history []*atlas.Revision
	if s.recorded {
		var sum string
		var err error
		if history, sum, err = r.history(ctx, q, p.schema); err != nil {
			return nil, fmt.Errorf("migrate: reading the revisions: %w", err)
		}
		if sum != s.text {
			return nil, errChanged
		}
	}
	return r.planner.make(ctx, key, s, history), nil
}

func (p *planner) find(key planKey) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.made[key]
}

func (p *planner) make(ctx context.Context, key planKey, s *state, history []*atlas.Revision) *plan {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.made == nil || len(p.made) >= maxPlans {
		p.made = map[planKey]*plan{}
	}
	p.made[key] = planFor(ctx, key.directory, s, history).upTo(p.to)
	return p.made[key]
}

// planFor asks Atlas' library which files are pending, and looks at what it does not.
func planFor(ctx context.Context, d *Directory, s *state, history []*atlas.Revision) *plan {
	made := &plan{from: s}
	if s.dirty() {
		made.err = ErrDirty
		return made
	}
	executor, err := atlas.NewExecutor(undirty{}, d.frozen, known{history: history})
	if err != nil {
		made.err = err
		return made
	}
	files, err := executor.Pending(ctx)
	var order *atlas.HistoryNonLinearError
	edited := sameFiles(d, history)
	switch {
	case s.count > 0 && d.cutAfter(s.version):
		made.err = fmt.Errorf("%w: the directory begins with the checkpoint %s, after version %s: apply the files that were before "+
			"the checkpoint first, from the version control", ErrMissingFile, d.frozen.files[0].Name(), s.version)
	case errors.As(err, &order) && len(order.OutOfOrder) > 0: // which changes the hashes of those after it
		made.err = fmt.Errorf("%w: %s", ErrOrder, order.OutOfOrder[0].Name())
	case edited != nil:
		made.err = edited
	case errors.Is(err, atlas.ErrNoPendingFiles):
		return made
	case err != nil:
		made.err = fmt.Errorf("migrate: %w", err)
	default:
		if made.err = noneMissing(d, history); made.err == nil {
			made.files, made.err = pendingFiles(d, files, history)
		}
	}
	return made
}

// noneMissing looks for revisions without a file. Those before the first file are of a
// history that was cut off, which is for cutAfter to look at. Where nothing is pending it is not asked: a program from before
// the newest migration goes on beside one that has it.
func noneMissing(d *Directory, history []*atlas.Revision) error {
	for _, v := range history {
		if _, ok := d.ours[v.Version]; !ok && v.Version > d.frozen.files[0].Version() {
			return fmt.Errorf("%w: %s_%s", ErrMissingFile, v.Version, v.Description)
		}
	}
	return nil
}

// sameFiles reports whether what was applied is what the files say, which Atlas'
// library does not look at. A hash in atlas.sum is over the files before it too.
func sameFiles(d *Directory, history []*atlas.Revision) error {
	for _, v := range history {
		f, ok := d.ours[v.Version]
		if ok && v.Hash != "" && v.Applied == v.Total && mark(v.Hash) != mark(f.hash) {
			return fmt.Errorf("%w: %s, or one before it", ErrEdited, f.Name())
		}
	}
	return nil
}

// pendingFiles finds where in each file to go on.
func pendingFiles(d *Directory, files []atlas.File, history []*atlas.Revision) ([]pending, error) {
	all := make([]pending, 0, len(files))
	for _, f := range files {
		one := pending{file: d.ours[f.Version()]}
		for _, v := range history {
			if v.Version != f.Version() {
				continue
			}
			if err := sameUntil(one.file, v); err != nil {
				return nil, err
			}
			one.revision, one.applied = v, v.Applied
		}
		all = append(all, one)
	}
	return all, nil
}

// sameUntil reports whether the statements that were applied are still in the file.
func sameUntil(f *file, v *atlas.Revision) error {
	for i := range v.Applied {
		if i >= len(f.statements) || i >= len(v.PartialHashes) || mark(v.PartialHashes[i]) != mark(f.statements[i].mark) {
			return fmt.Errorf("%w: statement %d of %s", ErrEdited, i+1, f.Name())
		}
	}
	return nil
}

func mark(hash string) string { return strings.TrimPrefix(hash, "h1:") }

// undirty is as much of a driver as Atlas' library needs to tell what is pending.
type undirty struct{ atlas.Driver }

func (undirty) CheckClean(context.Context, *atlas.TableIdent) error { return nil }

// known are revisions that were read before.
type known struct {
	atlas.NopRevisionReadWriter

	history []*atlas.Revision
}

// ReadRevisions implements Atlas' RevisionReadWriter.
func (k known) ReadRevisions(context.Context) ([]*atlas.Revision, error) { return k.history, nil }
