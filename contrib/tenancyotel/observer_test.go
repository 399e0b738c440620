package tenancyotel_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/contrib/tenancyotel"
	"github.com/entenancy/tenancy/metrics"
)

// world is an observer with the SDK behind it.
type world struct {
	spans    *tracetest.SpanRecorder
	tracing  *sdktrace.TracerProvider
	reader   *sdkmetric.ManualReader
	observer tenancy.Observer
}

func newWorld(t *testing.T, config tenancyotel.Config) *world {
	t.Helper()
	w := &world{spans: tracetest.NewSpanRecorder(), reader: sdkmetric.NewManualReader()}
	w.tracing = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(w.spans))
	config.TracerProvider = w.tracing
	config.MeterProvider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(w.reader))
	o, err := tenancyotel.New(config)
	if err != nil {
		t.Fatal(err)
	}
	w.observer = o
	if told, ok := config.Source.(tenancy.Observer); ok {
		w.observer = tenancy.Observers(o, told)
	}
	return w
}

func (w *world) metric(t *testing.T, name string) metricdata.Aggregation {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := w.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name == name {
				return m.Data
			}
		}
	}
	t.Fatalf("there is no metric %s", name)
	return nil
}

// sums returns the values of a counter by one attribute.
func (w *world) sums(t *testing.T, name string, key attribute.Key) map[string]int64 {
	t.Helper()
	sum, ok := w.metric(t, name).(metricdata.Sum[int64])
	if !ok {
		t.Fatalf("%s is no counter", name)
	}
	all := map[string]int64{}
	for _, point := range sum.DataPoints {
		value, _ := point.Attributes.Value(key)
		all[value.AsString()] += point.Value
	}
	return all
}

func statement(ctx context.Context, t *testing.T, o tenancy.Observer, text string, err error) {
	t.Helper()
	scope, scopeErr := tenancy.ScopeFromContext(ctx)
	if scopeErr != nil {
		t.Error(scopeErr)
		return
	}
	start := tenancy.StatementStart{Scope: scope, Operation: tenancy.OperationExec, Isolation: tenancy.IsolationRLS, SQL: text}
	o.StatementEnd(o.StatementStart(ctx, start), tenancy.StatementEnd{Start: start, Took: time.Second, Err: err})
}

func as(t *testing.T, id tenancy.ID) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id})
}

func TestSpansOfStatements(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		config tenancyotel.Config
		text   string
		err    error
		want   string
	}{
		{"plain", tenancyotel.Config{}, `select * from "orders"`, nil, "SELECT: db.operation.name=SELECT tenancy.isolation=rls"},
		{"no verb", tenancyotel.Config{}, "/* a */ x", nil, "EXEC: db.operation.name=EXEC tenancy.isolation=rls"},
		{
			"all",
			tenancyotel.Config{System: "postgresql", SpanTenant: true, SpanSQL: true},
			"UPDATE a", nil,
			"UPDATE: db.operation.name=UPDATE db.query.text=UPDATE a db.system.name=postgresql tenancy.isolation=rls tenancy.tenant.id=acme",
		},
		{
			"failed",
			tenancyotel.Config{},
			"DELETE", errors.New("a row: hunter2"),
			"DELETE: db.operation.name=DELETE error.type=other tenancy.isolation=rls Error",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, test.config)
			statement(as(t, "acme"), t, w.observer, test.text, test.err)
			var got []string
			for _, span := range w.spans.Ended() {
				got = append(got, show(span))
			}
			if !slices.Equal(got, []string{test.want}) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

// show writes all of a span that may differ.
func show(span sdktrace.ReadOnlySpan) string {
	var attrs []string
	for _, a := range span.Attributes() {
		attrs = append(attrs, string(a.Key)+"="+a.Value.String())
	}
	slices.Sort(attrs)
	if status := span.Status(); status.Description != "" || status.Code != 0 {
		attrs = append(attrs, status.Code.String()+status.Description)
	}
	for _, e := range span.Events() {
		attrs = append(attrs, e.Name)
	}
	return span.Name() + ": " + strings.Join(attrs, " ")
}

func TestSpansOfARequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tenancyotel.Config{SpanTenant: true})
	ctx, server := w.tracing.Tracer("test").Start(t.Context(), "GET /orders")
	ctx = w.observer.RequestStart(ctx)
	ctx = tenancy.NewContext(ctx, tenancy.Tenant{ID: "acme"})
	w.observer.RequestEnd(ctx, tenancy.RequestEnd{Tenant: tenancy.Tenant{ID: "acme"}, Outcome: tenancy.OutcomeServed})
	statement(ctx, t, w.observer, "SELECT", nil)
	system := tenancy.System(ctx, "a report")
	scope, err := tenancy.ScopeFromContext(system)
	if err != nil {
		t.Fatal(err)
	}
	w.observer.SystemScope(system, scope)
	w.observer.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "suspend", Tenant: tenancy.Tenant{ID: "acme"}, Took: time.Minute, Err: tenancy.ErrConflict})
	// An end whose start was dropped must not end what it did not begin.
	w.observer.StatementEnd(ctx, tenancy.StatementEnd{Start: tenancy.StatementStart{Scope: scope}})
	if !server.IsRecording() {
		t.Fatal("the server's span was ended")
	}
	server.End()

	var got []string
	for _, span := range w.spans.Ended() {
		got = append(got, show(span))
		if own := span.SpanContext().SpanID() == server.SpanContext().SpanID(); !own && span.Parent().SpanID() != server.SpanContext().SpanID() {
			t.Errorf("%s is not below the server's span", span.Name())
		}
	}
	want := []string{
		"tenancy.resolve: tenancy.outcome=served tenancy.tenant.id=acme",
		"SELECT: db.operation.name=SELECT tenancy.isolation=rls tenancy.tenant.id=acme",
		"tenancy.suspend: error.type=conflict tenancy.tenant.id=acme Error",
		"GET /orders: tenancy.tenant.id=acme tenancy.system",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	counted, err := metrics.NewCollector(metrics.Config{
		Tenants: 1, Migrations: func() metrics.Migrations { return metrics.Migrations{Behind: 3} },
		Audit: func() audit.Stats { return audit.Stats{Failed: 2} },
	})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenancyotel.Config{Source: counted})
	statement(as(t, "acme"), t, w.observer, "SELECT 1", nil)
	statement(as(t, "globex"), t, w.observer, "SELECT 1", tenancy.ErrCrossTenant)
	w.observer.RequestEnd(t.Context(), tenancy.RequestEnd{Outcome: tenancy.OutcomeLimited})

	histogram, ok := w.metric(t, "db.client.operation.duration").(metricdata.Histogram[float64])
	if !ok || len(histogram.DataPoints) != 2 || histogram.DataPoints[0].Sum != 1 {
		t.Errorf("db.client.operation.duration is %+v", histogram)
	}
	for _, point := range histogram.DataPoints {
		if point.Attributes.HasValue("tenancy.tenant.id") {
			t.Error("durations are told by tenant")
		}
	}
	if got := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id"); len(got) != 2 || got["acme"] != 1 || got["other"] != 1 {
		t.Errorf("tenancy.tenant.statements is %v", got)
	}
	if got := w.sums(t, "tenancy.audit.entries", "tenancy.audit.outcome"); got["failed"] != 2 {
		t.Errorf("tenancy.audit.entries is %v", got)
	}
	if got := w.sums(t, "tenancy.requests", "tenancy.outcome"); got["limited"] != 1 {
		t.Errorf("tenancy.requests is %v", got)
	}
	if behind, ok := w.metric(t, "tenancy.migrations.behind").(metricdata.Gauge[int64]); !ok || behind.DataPoints[0].Value != 3 {
		t.Errorf("tenancy.migrations.behind is %+v", behind)
	}
}

// A Manager has its metrics only after it has its observer.
func TestWatchASourceThatIsMadeLater(t *testing.T) {
	t.Parallel()
	counted, err := metrics.NewCollector(metrics.Config{Migrations: func() metrics.Migrations { return metrics.Migrations{Behind: 3} }})
	if err != nil {
		t.Fatal(err)
	}
	reader := sdkmetric.NewManualReader()
	o, err := tenancyotel.New(tenancyotel.Config{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Watch(nil); err == nil {
		t.Error("no source was taken")
	}
	if err := o.Watch(counted); err != nil {
		t.Fatal(err)
	}
	w := &world{reader: reader}
	if behind, ok := w.metric(t, "tenancy.migrations.behind").(metricdata.Gauge[int64]); !ok || behind.DataPoints[0].Value != 3 {
		t.Errorf("tenancy.migrations.behind is %+v", behind)
	}
	if err := o.Watch(counted); err == nil {
		t.Error("a second source was taken")
	}
}

// TestTenantsAreCapped has ten thousand tenants, many at once, and then new busy
// ones that push others out: those must not stay behind.
func TestTenantsAreCapped(t *testing.T) {
	t.Parallel()
	const limit = 20
	counted, err := metrics.NewCollector(metrics.Config{Tenants: limit})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenancyotel.Config{Source: counted})
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2500 {
				statement(as(t, tenancy.ID(fmt.Sprint(g*2500+i))), t, w.observer, "SELECT", nil)
			}
		})
	}
	all.Wait()
	before := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id")
	for i := range 6000 {
		statement(as(t, tenancy.ID(fmt.Sprintf("busy-%d", i%5))), t, w.observer, "SELECT", nil)
	}
	after := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id")
	if len(before) != limit+1 || len(after) != limit+1 || after["busy-3"] == 0 {
		t.Errorf("%d, then %d tenants are told of, and one of the busy ones has %d", len(before), len(after), after["busy-3"])
	}
}

func ExampleNew() {
	counted, err := metrics.NewCollector(metrics.Config{Tenants: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	observer, err := tenancyotel.New(tenancyotel.Config{System: "postgresql", Source: counted})
	if err != nil {
		fmt.Println(err)
		return
	}
	all := tenancy.Observers(observer, counted) // for driver.Config, middleware.Config and manager.LifecycleConfig
	_ = all
}
