package driver

import (
	"context"
	"time"

	"github.com/entenancy/tenancy"
)

// Observer is told of statements, and of System scopes. Every tenancy.Observer
// is one.
type Observer interface {
	tenancy.StatementObserver
	tenancy.SystemObserver
}

// told is a statement that the observer was told of, and that has not ended.
// Nil is one that nobody was told of.
type told struct {
	observer Observer
	start    tenancy.StatementStart
	at       time.Time
}

// tell tells the observer that a statement begins, and returns the context that
// it goes on with. That acts for whom ctx did, whatever the observer returns.
func (d *Driver) tell(ctx context.Context, p *place, operation tenancy.Operation, text string) (context.Context, *told) {
	s := &told{
		observer: d.config.Observer,
		start:    tenancy.StatementStart{Scope: p.scope, Isolation: p.isolation(), Operation: operation, SQL: text},
		at:       time.Now(),
	}
	if next := s.observer.StatementStart(ctx, s.start); next != nil && sameScope(ctx, next) {
		ctx = next
	}
	return ctx, s
}

// observes reports whether there is somebody to tell.
func (d *Driver) observes() bool { return d.config.Observer != nil }

// end tells the observer how the statement has ended, and returns err.
func (s *told) end(ctx context.Context, err error) error {
	if s != nil {
		s.observer.StatementEnd(ctx, tenancy.StatementEnd{Start: s.start, Took: time.Since(s.at), Err: err})
	}
	return err
}

func sameScope(a, b context.Context) bool {
	one, _ := tenancy.ScopeFromContext(a) // nil where there is none
	other, _ := tenancy.ScopeFromContext(b)
	return one == other
}

// tellSystem tells the observer of a System scope when it is first used.
func (d *Driver) tellSystem(ctx context.Context, scope *tenancy.Scope) {
	if d.observes() && scope.MarkUsed() {
		d.config.Observer.SystemScope(ctx, scope)
	}
}
