package noninterference

import (
	"fmt"
	"slices"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// transaction is a transaction that is open.
type transaction struct {
	*ent.Tx
	states []*model
	before map[kind]map[string]int // the ids that were known when it began
	saved  []saved
	// cancelled is whether the context of a statement was cancelled that has ended nevertheless.
	cancelled bool
}

// saved is a savepoint.
type saved struct {
	states []*model
	ids    map[kind]map[string]int
}

func (t *tenant) begin() (string, error) {
	if t.tx != nil {
		return "already begun", nil
	}
	tx, err := t.run.client.Tx(t.ctx)
	for err != nil && t.run.mayLose(err) {
		tx, err = t.run.client.Tx(t.ctx)
	}
	if err != nil {
		return "", fmt.Errorf("begin: %w", err)
	}
	t.tx = &transaction{Tx: tx, states: slices.Clone(t.states), before: t.ids.snapshot()}
	return ok, nil
}

func (t *tenant) commit() (string, error) {
	if t.tx == nil {
		return "no transaction", nil
	}
	tx := t.tx
	defer func() { t.tx = nil }()
	err := tx.Commit()
	switch {
	case err == nil:
		t.states = tx.states
		return ok, nil
	case t.mayLose(err):
		t.ids.restore(tx.before)
		t.states = distinct(append(t.states, tx.states...))
		return string(lost), t.run.settle()
	case t.run.mayWait(err):
		t.ids.restore(tx.before)
		return string(contention), nil
	}
	return "", fmt.Errorf("commit: %w", err)
}

// rollback ends the transaction, whatever has become of it.
func (t *tenant) rollback() string {
	if t.tx == nil {
		return "no transaction"
	}
	_ = t.tx.Rollback() // an error says that the connection is gone, and with it what was done
	t.ids.restore(t.tx.before)
	t.tx = nil
	return ok
}

func (t *tenant) savepoint() (string, error) {
	if t.tx == nil {
		return "no transaction", nil
	}
	answer, err := t.control(fmt.Sprintf("SAVEPOINT s%d", len(t.tx.saved)))
	if answer == ok {
		t.tx.saved = append(t.tx.saved, saved{slices.Clone(t.tx.states), t.ids.snapshot()})
	}
	return answer, err
}

func (t *tenant) rollbackTo() (string, error) {
	if t.tx == nil || len(t.tx.saved) == 0 {
		return "no savepoint", nil
	}
	last := len(t.tx.saved) - 1
	answer, err := t.control(fmt.Sprintf("ROLLBACK TO SAVEPOINT s%d", last))
	if answer == ok {
		t.tx.states = slices.Clone(t.tx.saved[last].states)
		t.ids.restore(t.tx.saved[last].ids)
		t.tx.saved[last].ids = t.ids.snapshot()
	}
	return answer, err
}

// mayLose reports whether an error says that the tenant's connection is gone, as
// one may be. MySQL's driver closes it for a context that is cancelled as soon
// as a statement has ended, and says so to the next.
func (t *tenant) mayLose(err error) bool {
	return t.tx != nil && t.tx.cancelled && isCancelled(err) || t.run.mayLose(err)
}

// control sends a statement about the transaction.
func (t *tenant) control(statement string) (string, error) {
	_, err := t.tx.ExecContext(t.ctx, statement)
	switch {
	case err == nil:
		return ok, nil
	case t.mayLose(err):
		t.rollback()
		return string(lost), nil
	}
	return "", fmt.Errorf("%s: %w", statement, err)
}

// recover goes on after an error of the database in a transaction, which on
// PostgreSQL has to be rolled back, to the last savepoint if there is one.
func (t *tenant) recover() error {
	if len(t.tx.saved) == 0 {
		t.rollback()
		return nil
	}
	_, err := t.rollbackTo()
	return err
}
