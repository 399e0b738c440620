package audit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
)

func newObserver(t *testing.T, log *audit.Log) *audit.Observer {
	t.Helper()
	o, err := audit.NewObserver(log)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// use does what a driver does with a context.
func use(ctx context.Context, t *testing.T, o tenancy.SystemObserver) {
	t.Helper()
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if scope.System() && scope.MarkUsed() {
		o.SystemScope(ctx, scope)
	}
}

func TestSystemScopesAreRecorded(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, _ := newLog(t, audit.Config{}, s)
	o := newObserver(t, log)
	ctx := tenancy.System(audit.WithActor(t.Context(), audit.Actor{Principal: "ann"}), "support case 17")
	for range 3 {
		use(ctx, t, o)
	}
	use(tenancy.System(t.Context(), "nightly run"), t, o)
	use(acme(t), t, o)
	closeLog(t, log)
	got := s.all()
	if len(got) != 2 {
		t.Fatalf("%d entries, want one for each System scope: %+v", len(got), got)
	}
	if e := got[0]; e.Action != audit.ActionSystem || e.Reason != "support case 17" || e.Actor.Principal != "ann" || e.TenantID != "" {
		t.Errorf("got %+v", e)
	}
}

// A sink that works under a System scope does not cause the next entry.
func TestRecordingIsNotRecorded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		log, _ := newLog(t, audit.Config{}, s)
		o := newObserver(t, log)
		s.failing(func(ctx context.Context, _ []audit.Entry) error {
			use(ctx, t, o)
			use(tenancy.System(ctx, "the sink's own"), t, o)
			return nil
		})
		use(tenancy.System(t.Context(), "nightly run"), t, o)
		if err := log.Record(acme(t), entry()); err != nil {
			t.Error(err)
		}
		closeLog(t, log)
		if n := len(s.all()); n != 2 {
			t.Errorf("%d entries, want 2", n)
		}
	})
}

func TestLifecycleIsRecorded(t *testing.T) {
	t.Parallel()
	s := &sink{}
	log, out := newLog(t, audit.Config{}, s)
	o := newObserver(t, log)
	globex := tenancy.Tenant{
		ID: "globex", Identifier: "globex-inc", Status: tenancy.StatusSuspended, Plan: "gold",
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://s3cr3t")},
	}.WithMetadata(map[string]any{"_enc_key": "s3cr3t"})
	for _, ctx := range []context.Context{t.Context(), acme(t), tenancy.System(t.Context(), "unpaid")} {
		before := len(s.all())
		o.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "suspend", Tenant: globex})
		got := s.all()[before:] // without waiting: it is recorded when Lifecycle returns
		if len(got) != 1 {
			t.Fatalf("%d entries", len(got))
		}
		e := got[0]
		if e.TenantID != "globex" || e.Action != "tenant.suspend" || e.Resource != audit.ResourceTenant || e.ResourceID != "globex-inc" ||
			!strings.Contains(e.MetadataJSON(), `"outcome":"done"`) || !strings.Contains(e.MetadataJSON(), `"status":"suspended"`) {
			t.Errorf("got %+v", e)
		}
	}
	o.Lifecycle(t.Context(), tenancy.LifecycleEvent{Action: "provision", Err: errors.New("postgres://s3cr3t is gone")})
	closeLog(t, log)
	last := s.all()[len(s.all())-1]
	if last.TenantID != "" || last.Action != "tenant.provision" || !strings.Contains(last.MetadataJSON(), `"outcome":"failed"`) {
		t.Errorf("got %+v", last)
	}
	for _, e := range s.all() {
		if strings.Contains(e.MetadataJSON(), "s3cr3t") {
			t.Errorf("a secret got into %s", e.MetadataJSON())
		}
	}
	if lines := out.lines(t); len(lines) != 0 {
		t.Errorf("the log has %v", lines)
	}
}

// An event that cannot be recorded is in the logger.
func TestObserverLosesNothingInSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, out := newLog(t, audit.Config{}, &sink{fail: always})
		o := newObserver(t, log)
		o.Lifecycle(t.Context(), tenancy.LifecycleEvent{Action: "erase", Tenant: tenancy.Tenant{ID: "acme"}})
		o.Lifecycle(t.Context(), tenancy.LifecycleEvent{Action: "erase", Tenant: tenancy.Tenant{ID: " no id"}})
		use(tenancy.System(t.Context(), "nightly run"), t, o)
		closeLog(t, log)
		use(tenancy.System(t.Context(), "too late"), t, o)
		if lines := out.lines(t); len(lines) != 4 || log.Stats().Failed != 4 {
			t.Errorf("the log has %v, stats are %+v", lines, log.Stats())
		}
	})
}
