package isolation

import (
	"context"
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
		orderAttacks(),
		aggregateAttacks(),
		modifyAttacks(),
		builderAttacks(),
		scopeAttacks(),
		createAttacks(),
		updateAttacks(),
		updateModifyAttacks(),
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

// Run runs attacks on a database, which has to be empty of rows and is used
// for nothing else meanwhile, once in each mode.
func Run(t *testing.T, db *Database, modes []Mode, attacks []Attack) {
	ctx := t.Context() // longer than the context of each attack's test: a world serves several
	for _, attack := range attacks {
		t.Run(attack.Name, func(t *testing.T) {
			for _, mode := range modes {
				v, err := db.Try(ctx, attack, mode)
				if err != nil {
					t.Fatalf("%s: the test itself failed: %v", mode, err)
				}
				for _, leak := range v.Leaks {
					t.Errorf("%s: LEAK: %s", mode, leak)
				}
				for _, failure := range v.Failures {
					t.Errorf("%s: %s", mode, failure)
				}
			}
		})
	}
}

// Verdict is what came of an attack.
type Verdict struct {
	// Leaks says what got from one tenant to the other.
	Leaks []string
	// Failures says which of A's own rights were denied.
	Failures []string
}

// Try runs one attack in one mode. The error is the test's own.
func (db *Database) Try(ctx context.Context, attack Attack, mode Mode) (Verdict, error) {
	w, before, err := db.world(ctx)
	if err != nil {
		return Verdict{}, err
	}
	a := &Act{World: w, Dialect: db.Dialect}
	if err := db.act(a, attack, mode); err != nil { //nolint:contextcheck // the attack acts in the contexts of its world
		return Verdict{}, err
	}
	after, err := db.snapshot(ctx)
	if err != nil {
		return Verdict{}, err
	}
	a.verdict.Leaks = append(a.verdict.Leaks, compare(before, after, string(w.A.ID), attack.Touches)...)
	if !before.equal(after) {
		db.current = nil
	}
	return a.verdict, nil
}
