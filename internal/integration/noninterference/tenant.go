package noninterference

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
)

// tenant does the steps of one tenant and compares what it is told with its model.
type tenant struct {
	run    *run
	number int
	ctx    context.Context // The tenant's, for all of its steps.
	ids    *ids
	made   map[kind]int
	// states are what the tenant's rows may be: more than one where an
	// operation was interrupted, until an answer decides.
	states []*model
	tx     *transaction // nil outside of one
	// transcript is the tenant's answers.
	transcript []string
}

func newTenant(r *run, number int) *tenant {
	return &tenant{
		run: r, number: number, ctx: tenancy.NewContext(r.ctx, r.place.Tenants[number]),
		ids: &ids{known: map[kind]map[string]int{}}, made: map[kind]int{}, states: []*model{newModel()},
	}
}

// current is the states that the next operation finds.
func (t *tenant) current() []*model {
	if t.tx != nil {
		return t.tx.states
	}
	return t.states
}

func (t *tenant) set(states []*model) {
	if t.tx != nil {
		t.tx.states = states
		return
	}
	t.states = states
}

// do does a step. The error is the property's violation.
func (t *tenant) do(s step) error {
	answer, err := "", error(nil)
	switch s.op.control {
	case ordinary:
		answer, err = t.ordinary(s)
	case begin:
		answer, err = t.begin()
	case commit:
		answer, err = t.commit()
	case rollback:
		answer, err = t.rollback(), nil
	case savepoint:
		answer, err = t.savepoint()
	case rollbackTo:
		answer, err = t.rollbackTo()
	case kill:
		answer, err = "killed", t.run.kill(t.ctx)
	}
	t.transcript = append(t.transcript, s.String()+" -> "+answer)
	return err
}

// ordinary does an operation and keeps the states that predict its answer.
func (t *tenant) ordinary(s step) (string, error) {
	c, cancel := t.call(s)
	defer cancel()
	answer, err := s.op.run(c)
	defer func() {
		for k, n := range c.fresh {
			t.made[k] += n
		}
	}()
	outcome := ended
	if err != nil {
		if outcome, answer = t.classify(err, s); outcome == unexpected {
			return "", fmt.Errorf("it failed: %w", err)
		}
	}
	if outcome == ended {
		if t.tx != nil && s.fault.cancels() {
			t.tx.cancelled = true
		}
		return answer, t.decide(s, answer)
	}
	return string(outcome), t.interrupted(s, outcome)
}

// decide keeps the states that predict the answer.
func (t *tenant) decide(s step, answer string) error {
	var kept []*model
	var wanted []string
	for _, state := range t.current() {
		after, want := t.predict(s, state)
		if want == answer {
			kept = append(kept, after)
		}
		wanted = append(wanted, want)
	}
	if len(kept) == 0 {
		return &violation{got: answer, want: distinctTexts(wanted)}
	}
	t.set(distinct(kept))
	if failed(answer) && answer != notFound && t.tx != nil {
		return t.recover()
	}
	return nil
}

// interrupted takes note that an operation may have been done or not.
func (t *tenant) interrupted(s step, outcome outcome) error {
	switch {
	case s.fault.kind == cancelBefore, t.tx == nil && (s.op.reads || outcome == contention):
		return nil // it certainly was not
	case t.tx != nil:
		t.rollback()
		return nil
	}
	states := slices.Clone(t.states)
	for _, state := range t.states {
		after, _ := t.predict(s, state)
		states = append(states, after)
	}
	t.states = distinct(states)
	return t.run.settle()
}

// predict returns what becomes of a state by a step, and the answer.
func (t *tenant) predict(s step, state *model) (*model, string) {
	after := state.clone()
	answer := s.op.want(&view{after, t.args(s)})
	if failed(answer) {
		return state, answer
	}
	return after, answer
}

func (t *tenant) args(s step) args {
	return args{step: s, before: t.current()[0], made: t.made, fresh: map[kind]int{}, globals: !t.run.cell.NoGlobals}
}

// call prepares the run of an operation, with its fault in its context.
func (t *tenant) call(s step) (*call, context.CancelFunc) {
	ctx, cancel := context.WithCancel(t.ctx)
	if s.fault.kind != noFault {
		ctx = context.WithValue(ctx, triggerKey{}, &trigger{fault: s.fault, cancel: cancel, kill: t.run.kill})
	}
	c := &call{args: t.args(s), ctx: ctx, client: t.run.client, place: t.run.place, find: t.find, learn: t.ids.set}
	c.exec, c.query = t.run.client.ExecContext, t.run.client.QueryContext
	if t.tx != nil {
		c.client, c.exec, c.query = t.tx.Client(), t.tx.ExecContext, t.tx.QueryContext
	}
	switch s.fault.kind {
	case cancelBefore:
		cancel()
	case cancelDuring:
		go cancel()
	default: // the trigger sees to it
	}
	return c, cancel
}

// distinct drops states that are equal to others.
func distinct(states []*model) []*model {
	var kept []*model
	for _, s := range states {
		if !slices.ContainsFunc(kept, s.equal) {
			kept = append(kept, s)
		}
	}
	return kept
}

func distinctTexts(texts []string) string {
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), "\nor\n")
}
