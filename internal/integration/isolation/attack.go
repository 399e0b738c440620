package isolation

import (
	"context"
	"os"
	"slices"
	"testing"
)

// Attack is one way of trying to get from tenant A to tenant B.
type Attack struct {
	// Name says what is tried.
	Name string
	// Row is the number of the attack in the project's list of the leaks of
	// ent's own multi-tenancy pattern, if it is one of them.
	Row string
	// Touches names the tables of global rows that the attack may change.
	Touches []string
	// Shared says that it is about both tenants' rows in the same tables.
	Shared bool
	// Run does it, and tells its findings to the Act.
	Run func(*Act)
}

// Attacks returns all attacks that have to fail.
func Attacks() []Attack {
	return slices.Concat(
		predicateAttacks(),
		failingPredicateAttacks(),
		edgePredicateAttacks(),
		filterAttacks(),
		loadAttacks(),
		traversalAttacks(),
		linkAttacks(),
		orderAttacks(),
		aggregateAttacks(),
		modifyAttacks(),
		builderAttacks(),
		scopeAttacks(),
		createAttacks(),
		updateAttacks(),
		updateModifyAttacks(),
		updateIDAttacks(),
		tableAttacks(),
		aliasAttacks(),
		edgeAttacks(),
		linkTableAttacks(),
		globalAttacks(),
		deleteAttacks(),
		upsertAttacks(),
		upsertSetAttacks(),
		hookAttacks(),
		systemAttacks(),
	)
}

// Mode is how an attack's client is made.
type Mode string

// The modes.
const (
	Plain   Mode = "plain"
	InTx    Mode = "tx"
	InTxOfB Mode = "tx begun by B"
	InDebug Mode = "debug"
)

// Modes returns all modes.
func Modes() []Mode { return []Mode{Plain, InTx, InTxOfB, InDebug} }

// Dealt returns the attacks to run in a mode on one of several databases that
// share the work. With CI=true it is all of them plain, and each in one of the
// other modes on every second database, by turns; otherwise, for those who wait
// for it, each is run on half of the databases, in one mode or plain. With
// TENANCY_TEST_SLOW all run in all modes.
func Dealt(database int, mode Mode) []Attack {
	all := Attacks()
	turns := []Mode{InTx, Plain, "", "", InDebug, Plain, "", "", InTxOfB, Plain, "", ""}
	switch {
	case os.Getenv("TENANCY_TEST_SLOW") == "1":
		return all
	case os.Getenv("CI") == "true" && mode == Plain:
		return all
	case os.Getenv("CI") == "true":
		turns = []Mode{InTx, "", InDebug, "", InTxOfB, ""}
	}
	var some []Attack
	for i, attack := range all {
		if turns[(i+database)%len(turns)] == mode {
			some = append(some, attack)
		}
	}
	return some
}

// Run runs attacks on a database, which has to be empty of rows and is used
// for nothing else meanwhile, once in each mode. Runs in which the driver
// refused something as documented, so that A did not get all that is its right,
// are counted: more than [Database].Excuses fail the test, and so does a share
// of the runs that only a driver which refuses everything would have.
func Run(t *testing.T, db *Database, modes []Mode, attacks []Attack) {
	ctx := t.Context() // longer than the context of each attack's test: a world serves several
	db.current = nil
	excused, runs := 0, 0
	for _, attack := range attacks {
		if attack.Shared && db.separate() {
			continue
		}
		t.Run(attack.Name, func(t *testing.T) {
			for _, mode := range modes {
				v, err := db.Try(ctx, attack, mode)
				if err != nil {
					t.Fatalf("%s: the test itself failed: %v", mode, err)
				}
				runs++
				if v.Excused > 0 {
					excused++
				}
				v.report(t, mode)
			}
		})
	}
	if most := db.mostExcused(runs); excused > most {
		t.Errorf("%d of %d runs were excused in part, at most %d may be", excused, runs, most)
	}
	t.Logf("%d of %d runs were excused in part", excused, runs)
}

// mostExcused is how many of so many runs may be excused: two in five where there are
// enough to tell. In a database of its own a tenant is refused a quarter.
func (db *Database) mostExcused(runs int) int {
	const enough = 20
	if runs < enough {
		return db.Excuses
	}
	return min(db.Excuses, runs*2/5)
}

// Verdict is what came of an attack.
type Verdict struct {
	// Leaks says what got from one tenant to the other.
	Leaks []string
	// Failures says which of A's own rights were denied.
	Failures []string
	// Excused counts the failures that are the documented limits of the driver.
	Excused int
}

func (v Verdict) report(t *testing.T, mode Mode) {
	for _, leak := range v.Leaks {
		t.Errorf("%s: LEAK: %s", mode, leak)
	}
	for _, failure := range v.Failures {
		t.Errorf("%s: %s", mode, failure)
	}
}

// Try runs one attack in one mode. The error is the test's own.
func (db *Database) Try(ctx context.Context, attack Attack, mode Mode) (Verdict, error) {
	w, before, err := db.world(ctx)
	if err != nil {
		return Verdict{}, err
	}
	a := &Act{World: w, Dialect: db.Dialect, watch: &watch{scoped: db.Scoped, refuses: db.Refuses}}
	if err := db.act(a, attack, mode); err != nil {
		return Verdict{}, err
	}
	v := a.verdict
	v.Leaks = append(v.Leaks, a.watch.leaks...)
	if a.watch.wrote { // otherwise there were queries only, and all is as it was
		after, err := db.snapshot(ctx)
		if err != nil {
			return Verdict{}, err
		}
		v.Leaks = append(v.Leaks, compare(before, after, string(w.A.ID), db.placeOf(w, string(w.A.ID)), attack.Touches)...)
		if !before.equal(after) {
			db.current = nil
		}
	}
	if db.Scoped && mode == InTxOfB {
		v.Failures, v.Excused = nil, 0 // all that A did was refused, as the watch has seen
	}
	return v, nil
}
