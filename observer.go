package tenancy

import (
	"context"
	"time"
)

// Observer is told what happens: for traces, metrics, logs and audits. Embed
// [NopObserver] in yours, so that it stays one when a method is added here.
//
// Its methods are called on the path of requests and statements, by many
// goroutines at once. They must be quick, must not panic, and cannot change
// what happens. What they are told holds no argument of a statement, no secret
// and nothing that a client has sent.
type Observer interface {
	StatementObserver
	RequestObserver
	SystemObserver
	LifecycleObserver
}

// StatementObserver is told of each statement that goes through the driver.
type StatementObserver interface {
	// StatementStart is called before a statement is sent, and before it waits
	// for a connection. The context that it returns goes to the database
	// client and to StatementEnd.
	StatementStart(ctx context.Context, s StatementStart) context.Context
	// StatementEnd is called when the database has answered. Rows are read after it.
	StatementEnd(ctx context.Context, e StatementEnd)
}

// StatementStart is a statement that is about to be sent.
type StatementStart struct {
	// Scope is on whose behalf.
	Scope *Scope
	// Isolation is that of the tenant's place, empty in a System scope.
	Isolation Isolation
	// Operation is what is asked of the database.
	Operation Operation
	// SQL is the statement's text, without its arguments. It is empty for
	// OperationBegin, OperationCommit and OperationRollback.
	SQL string
}

// StatementEnd is a statement that has been answered.
type StatementEnd struct {
	// Start is what StatementStart was told.
	Start StatementStart
	// Took is the time since then.
	Took time.Duration
	// Err is what the caller gets, nil if it went well.
	Err error
}

// Operation is what a statement asks of the database.
type Operation string

// The operations.
const (
	OperationQuery    Operation = "query"
	OperationExec     Operation = "exec"
	OperationBegin    Operation = "begin"
	OperationCommit   Operation = "commit"
	OperationRollback Operation = "rollback"
)

// RequestObserver is told of each request that a tenant was looked for.
type RequestObserver interface {
	// RequestStart is called before the tenant is looked for. The context that
	// it returns is the request's from there on.
	RequestStart(ctx context.Context) context.Context
	// RequestEnd is called when it is decided whether the request is served,
	// and before it is. For one that is served, ctx has the tenant.
	RequestEnd(ctx context.Context, e RequestEnd)
}

// RequestEnd is what was decided about a request.
type RequestEnd struct {
	// Tenant is the one that was found, zero if none was.
	Tenant Tenant
	// Outcome is what becomes of the request.
	Outcome Outcome
	// Err is why it is not served, nil if it is.
	Err error
	// Took is how long it took to decide.
	Took time.Duration
}

// Outcome is what becomes of a request.
type Outcome string

// The outcomes.
const (
	// OutcomeServed means that the handler runs.
	OutcomeServed Outcome = "served"
	// OutcomeRefused means that there is no active tenant that it could be for,
	// or that the caller may not act for it.
	OutcomeRefused Outcome = "refused"
	// OutcomeLimited means that the tenant or the client has sent too many.
	OutcomeLimited Outcome = "limited"
	// OutcomeUnavailable means that nobody could say.
	OutcomeUnavailable Outcome = "unavailable"
)

// SystemObserver is told who goes past the filter.
type SystemObserver interface {
	// SystemScope is called with the first statement under a context that
	// [System] has made, and not again for the same one.
	SystemScope(ctx context.Context, s *Scope)
}

// LifecycleObserver is told what becomes of tenants.
type LifecycleObserver interface {
	// Lifecycle is called after a tenant was changed, and after a try that failed.
	Lifecycle(ctx context.Context, e LifecycleEvent)
}

// LifecycleEvent is something that was done to a tenant.
type LifecycleEvent struct {
	// Action says what, such as "provision" or "suspend".
	Action string
	// Tenant is as it was afterwards; before, if it is gone.
	Tenant Tenant
	// Err is why it failed, nil if it did not.
	Err error
	// Took is how long it took.
	Took time.Duration
}

// NopObserver is an Observer that does nothing.
type NopObserver struct{}

var _ Observer = NopObserver{}

// StatementStart implements [StatementObserver].
func (NopObserver) StatementStart(ctx context.Context, _ StatementStart) context.Context { return ctx }

// StatementEnd implements [StatementObserver].
func (NopObserver) StatementEnd(context.Context, StatementEnd) {}

// RequestStart implements [RequestObserver].
func (NopObserver) RequestStart(ctx context.Context) context.Context { return ctx }

// RequestEnd implements [RequestObserver].
func (NopObserver) RequestEnd(context.Context, RequestEnd) {}

// SystemScope implements [SystemObserver].
func (NopObserver) SystemScope(context.Context, *Scope) {}

// Lifecycle implements [LifecycleObserver].
func (NopObserver) Lifecycle(context.Context, LifecycleEvent) {}

// Observers returns an Observer that tells all of them, in order, and the
// reverse for the ends. Nil ones are left out.
func Observers(all ...Observer) Observer {
	var some observers
	for _, o := range all {
		if o != nil {
			some = append(some, o)
		}
	}
	switch len(some) {
	case 0:
		return NopObserver{}
	case 1:
		return some[0]
	default:
		return some
	}
}

type observers []Observer

func (all observers) StatementStart(ctx context.Context, s StatementStart) context.Context {
	for _, o := range all {
		ctx = o.StatementStart(ctx, s) //nolint:fatcontext // one layer for each observer, which is what they ask for
	}
	return ctx
}

func (all observers) StatementEnd(ctx context.Context, e StatementEnd) {
	for i := range all {
		all[len(all)-1-i].StatementEnd(ctx, e)
	}
}

func (all observers) RequestStart(ctx context.Context) context.Context {
	for _, o := range all {
		ctx = o.RequestStart(ctx) //nolint:fatcontext // one layer for each observer, which is what they ask for
	}
	return ctx
}

func (all observers) RequestEnd(ctx context.Context, e RequestEnd) {
	for i := range all {
		all[len(all)-1-i].RequestEnd(ctx, e)
	}
}

func (all observers) SystemScope(ctx context.Context, s *Scope) {
	for _, o := range all {
		o.SystemScope(ctx, s)
	}
}

func (all observers) Lifecycle(ctx context.Context, e LifecycleEvent) {
	for _, o := range all {
		o.Lifecycle(ctx, e)
	}
}
