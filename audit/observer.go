package audit

import (
	"context"
	"errors"

	"github.com/entenancy/tenancy"
)

// Observer records what nobody may leave out. It is safe for concurrent use.
type Observer struct {
	tenancy.NopObserver
	log *Log
}

var _ tenancy.Observer = (*Observer)(nil)

// The actions and resources of an Observer's entries. A lifecycle event's
// action is ActionTenant and the event's own, such as "tenant.suspend".
const (
	ActionSystem   = "system.enter"
	ActionTenant   = "tenant."
	ResourceAll    = "tenants"
	ResourceTenant = "tenant"
)

// NewObserver returns an Observer that records in log. It fails if log is nil.
func NewObserver(log *Log) (*Observer, error) {
	if log == nil {
		return nil, errors.New("audit: NewObserver: log is nil")
	}
	return &Observer{log: log}, nil
}

// SystemScope implements [tenancy.SystemObserver]. The entry is queued, since
// a statement waits.
func (o *Observer) SystemScope(ctx context.Context, s *tenancy.Scope) {
	if isRecording(ctx) {
		return
	}
	// An error is in the log's logger already.
	_ = o.log.Submit(tenancy.System(ctx, s.Reason()), Entry{Action: ActionSystem, Resource: ResourceAll})
}

// Lifecycle implements [tenancy.LifecycleObserver]. It returns when the entry is
// in every sink, or cannot be. The cause of a failure is for the logs, since it
// may say anything: the entry has that it failed.
func (o *Observer) Lifecycle(ctx context.Context, e tenancy.LifecycleEvent) {
	outcome := "done"
	if e.Err != nil {
		outcome = "failed"
	}
	entry := Entry{
		TenantID:   e.Tenant.ID,
		Action:     ActionTenant + e.Action,
		Resource:   ResourceTenant,
		ResourceID: e.Tenant.Identifier,
	}.WithMetadata(map[string]any{
		"outcome":   outcome,
		"status":    e.Tenant.Status,
		"isolation": e.Tenant.Isolation,
		"plan":      e.Tenant.Plan,
		"version":   e.Tenant.Version,
	})
	ctx = o.scope(ctx, entry)
	if err := o.log.Record(ctx, entry); err != nil && !errors.Is(err, tenancy.ErrNotRecorded) {
		_ = o.log.lose(ctx, entry, err)
	}
}

// scope returns a context in which nothing keeps the entry from being recorded:
// a tenant that could not be created has no id, and who suspends a tenant may
// act as another one.
func (o *Observer) scope(ctx context.Context, e Entry) context.Context {
	if s, err := tenancy.ScopeFromContext(ctx); err == nil && s.System() {
		return ctx
	}
	return tenancy.System(ctx, "lifecycle: "+e.Action)
}
