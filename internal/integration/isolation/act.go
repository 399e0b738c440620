package isolation

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// Act is one run of an attack. The attack does its evil with Client and
// reports everything that it gets to the methods of Act.
type Act struct {
	*World
	Client  *ent.Client
	Dialect string

	verdict Verdict
	watch   *watch
	excused int // refusals that the part of the attack that is running has no part in

	begin      context.Context // of the transaction
	savepoints bool
	raw        func(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (a *Act) leakf(format string, args ...any) {
	a.verdict.Leaks = append(a.verdict.Leaks, fmt.Sprintf(format, args...))
}

// failf reports a failure, which is excused if it comes after a statement that
// was refused as documented.
func (a *Act) failf(format string, args ...any) {
	if a.watch.refusals > a.excused {
		a.verdict.Excused++
		return
	}
	a.verdict.Failures = append(a.verdict.Failures, fmt.Sprintf(format, args...))
}

// Saw reports what A was given: a leak if anything in it is B's.
func (a *Act) Saw(v any, err error) {
	if found := a.reveals(v); found != "" {
		a.leakf("A was given %s", found)
	}
	if err != nil {
		if found := a.reveals(err.Error()); found != "" {
			a.leakf("an error holds %s: %v", found, err)
		}
	}
}

// Got is Saw of something that A has a right to.
func (a *Act) Got(v any, err error) {
	a.Saw(v, err)
	a.Fine(err)
}

// Fine reports an error where A is within its rights.
func (a *Act) Fine(err error) {
	if err != nil {
		a.failf("A is refused what is its own: %v", err)
	}
}

// Refused reports an operation that has to fail with one of the meanings. With
// none given any error will do.
func (a *Act) Refused(err error, meanings ...error) {
	a.Saw(nil, err)
	switch {
	case err == nil:
		a.leakf("not refused")
	case errors.Is(err, context.Canceled):
		a.failf("the test is over: %v", err)
	case len(meanings) > 0 && !slices.ContainsFunc(meanings, func(m error) bool { return errors.Is(err, m) }):
		a.failf("refused with %q, want %q", err, meanings)
	}
}

// Told is Refused where ent keeps the text of an error only: those of queries, and
// those of the user's own predicates.
func (a *Act) Told(err, meaning error) {
	a.Refused(err)
	if err != nil && !strings.Contains(err.Error(), meaning.Error()) {
		a.failf("refused with %q, want %q", err, meaning)
	}
}

// CrossTenant is Refused with tenancy.ErrCrossTenant.
func (a *Act) CrossTenant(err error) { a.Refused(err, tenancy.ErrCrossTenant) }

// NotFound reports an operation on a row that must not be there for A.
func (a *Act) NotFound(err error) {
	a.Saw(nil, err)
	switch {
	case err == nil:
		a.leakf("the row was found")
	case !ent.IsNotFound(err):
		a.failf("failed with %q, want not found", err)
	}
}

// Hangs runs an operation on a row of A's that rows of B's hang on. It has to
// come to what the judge says, unless A's statements see nothing of B's: then it
// is fine as long as B's rows are as they were.
func (a *Act) Hangs(run func() error, judge func(error)) {
	a.Step(func() {
		if err := run(); a.Hidden {
			a.Saw(nil, err)
		} else {
			judge(err)
		}
	})
}

// Collides reports an operation of A's that meets a row of B's by its key: refused
// where the tables are the same.
func (a *Act) Collides(err error) {
	if a.Separate {
		a.Got(nil, err)
		return
	}
	a.Refused(err)
}

// Taken reports that A took something that B has: refused by the database, where
// it is one, whose error repeats what A said.
func (a *Act) Taken(err error) {
	switch {
	case a.Separate:
		a.Fine(err)
	case err == nil:
		a.leakf("A could take what B has")
	case !ent.IsConstraintError(err):
		a.failf("failed with %q, want a failed constraint", err)
	}
}

// Sees reports the ids that A was given, and which it should have been given.
func (a *Act) Sees(got []int, err error, want ...int) {
	a.Saw(got, err)
	if err != nil {
		a.failf("A cannot see its rows: %v", err)
		return
	}
	got, want = slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))
	if slices.Equal(got, want) {
		return
	}
	for _, id := range got {
		if !slices.Contains(want, id) {
			a.leakf("A was given %v, want %v", got, want)
			return
		}
	}
	a.failf("A was given %v, want %v", got, want)
}

// Counts reports a number of rows: more than wanted is a leak.
func (a *Act) Counts(got int, err error, want int) {
	a.Saw(nil, err)
	switch {
	case err != nil:
		a.failf("A cannot count its rows: %v", err)
	case got > want:
		a.leakf("A counts %d rows, want %d", got, want)
	case got < want:
		a.failf("A counts %d rows, want %d", got, want)
	}
}

// Nothing reports a number of rows that were reached, where none may be.
func (a *Act) Nothing(n int, err error) {
	a.Saw(nil, err)
	if n > 0 {
		a.leakf("%d rows were reached", n)
	}
}

// Step runs a part of an attack that may fail in the database, so that a
// transaction goes on after it.
func (a *Act) Step(f func()) {
	if !a.savepoints || a.raw == nil {
		f()
		return
	}
	if _, err := a.raw(a.begin, "SAVEPOINT step"); err != nil {
		a.failf("savepoint: %v", err)
	}
	f()
	// Where nothing failed in the database, releasing works and keeps the work.
	if _, err := a.raw(a.begin, "RELEASE SAVEPOINT step"); err != nil {
		if _, err := a.raw(a.begin, "ROLLBACK TO SAVEPOINT step"); err != nil {
			a.failf("rollback to savepoint: %v", err)
		}
	}
}

// Within runs a part of an attack, whose name goes before what it finds.
func (a *Act) Within(name string, f func()) {
	before, excused := a.verdict, a.excused
	refusals := a.watch.refusals
	a.verdict, a.excused = Verdict{}, refusals
	a.guarded(f)
	for _, leak := range a.verdict.Leaks {
		before.Leaks = append(before.Leaks, name+": "+leak)
	}
	for _, failure := range a.verdict.Failures {
		before.Failures = append(before.Failures, name+": "+failure)
	}
	before.Excused += a.verdict.Excused
	a.verdict, a.excused = before, excused+a.watch.refusals-refusals
}
