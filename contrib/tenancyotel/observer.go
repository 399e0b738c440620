package tenancyotel

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/observe"
)

const scopeName = "github.com/entenancy/tenancy/contrib/tenancyotel"

// The attributes that the semantic conventions have no name for.
const (
	tenantKey    = attribute.Key("tenancy.tenant.id")
	isolationKey = attribute.Key("tenancy.isolation")
	outcomeKey   = attribute.Key("tenancy.outcome")
	reasonKey    = attribute.Key("tenancy.system.reason")
)

// Source is where metrics by tenant, and of pools, caches, limiters and
// migrations, come from: a *metrics.Collector, or what has one.
type Source interface {
	Metrics() metrics.Metrics
}

// Config says what an [Observer] tells, and whom. The zero Config works.
type Config struct {
	// TracerProvider defaults to otel.GetTracerProvider.
	TracerProvider trace.TracerProvider
	// MeterProvider defaults to otel.GetMeterProvider.
	MeterProvider metric.MeterProvider
	// System is db.system.name: "postgresql", "mysql", "mariadb" or "sqlite".
	// Defaults to none.
	System string
	// SpanTenant puts the id of the tenant on spans, as tenancy.tenant.id, and on
	// the span that a request is served in. Defaults to false.
	SpanTenant bool
	// SpanSQL puts the text of statements on spans, as db.query.text. It holds no
	// arguments, but SQL written by hand may have values in it. Defaults to false.
	SpanSQL bool
	// Source is what is measured beside the durations of statements. It has to be
	// told by itself, see tenancy.Observers. For one that is made later, as a Manager's,
	// see [Observer.Watch]. Defaults to none.
	Source Source
}

// Observer is a tenancy.Observer for OpenTelemetry. It is made by [New], and
// safe for concurrent use.
type Observer struct {
	config   Config
	meter    metric.Meter
	watching atomic.Bool
	tracer   trace.Tracer
	duration metric.Float64Histogram
}

var _ tenancy.Observer = (*Observer)(nil)

// New returns an observer. It fails if a metric cannot be made.
func New(config Config) (*Observer, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	meter := config.MeterProvider.Meter(scopeName, metric.WithSchemaURL(semconv.SchemaURL))
	duration, err := meter.Float64Histogram("db.client.operation.duration", metric.WithUnit("s"),
		metric.WithDescription("Duration of database client operations."), metric.WithExplicitBucketBoundaries(metrics.Bounds()...))
	if err != nil {
		return nil, fmt.Errorf("tenancyotel: %w", err)
	}
	o := &Observer{
		config: config, meter: meter, duration: duration,
		tracer: config.TracerProvider.Tracer(scopeName, trace.WithSchemaURL(semconv.SchemaURL)),
	}
	if config.Source != nil {
		if err := o.Watch(config.Source); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// Watch measures what source has, from now on, as Config.Source is from the beginning.
// It is for a source that is there only after those that tell the observer, as the
// Metrics of a Manager are. It fails for a nil source, for a second one, whose numbers
// would be taken for those of the first, and if a metric cannot be made.
func (o *Observer) Watch(source Source) error {
	if source == nil {
		return errors.New("tenancyotel: Watch: source is nil")
	}
	if o.watching.Swap(true) {
		return errors.New("tenancyotel: Watch: there is a source already, by Config.Source or by Watch")
	}
	if err := watch(o.meter, source); err != nil {
		return fmt.Errorf("tenancyotel: %w", err)
	}
	return nil
}

// Spans are found by keys of our own: the span that is current in the context of
// an end might be the caller's.
type (
	statementKey struct{}
	requestKey   struct{}
)

// StatementStart implements [tenancy.StatementObserver].
func (o *Observer) StatementStart(ctx context.Context, s tenancy.StatementStart) context.Context {
	verb := verbOf(s)
	ctx, span := o.tracer.Start(ctx, verb, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(o.attributes(s, verb)...))
	if span.IsRecording() {
		if o.config.SpanTenant && !s.Scope.System() {
			span.SetAttributes(tenantKey.String(string(s.Scope.TenantID())))
		}
		if o.config.SpanSQL && s.SQL != "" {
			span.SetAttributes(semconv.DBQueryText(s.SQL))
		}
	}
	return context.WithValue(ctx, statementKey{}, span)
}

// attributes are those that spans and metrics of a statement share.
func (o *Observer) attributes(s tenancy.StatementStart, verb string) []attribute.KeyValue {
	attrs := append(make([]attribute.KeyValue, 0, 4), semconv.DBOperationName(verb))
	if o.config.System != "" {
		attrs = append(attrs, semconv.DBSystemNameKey.String(o.config.System))
	}
	if s.Isolation != "" {
		attrs = append(attrs, isolationKey.String(string(s.Isolation)))
	}
	return attrs
}

// StatementEnd implements [tenancy.StatementObserver].
func (o *Observer) StatementEnd(ctx context.Context, e tenancy.StatementEnd) {
	attrs := o.attributes(e.Start, verbOf(e.Start))
	if e.Err != nil {
		attrs = append(attrs, semconv.ErrorTypeKey.String(observe.ErrorType(e.Err)))
	}
	o.duration.Record(ctx, e.Took.Seconds(), metric.WithAttributes(attrs...))
	if span, ok := ctx.Value(statementKey{}).(trace.Span); ok {
		end(span, e.Err)
	}
}

// end ends a span with the kind of an error, and not with its text.
func end(span trace.Span, err error) {
	if err != nil {
		span.SetStatus(codes.Error, "")
		span.SetAttributes(semconv.ErrorTypeKey.String(observe.ErrorType(err)))
	}
	span.End()
}

// verbs are the names that statements have: of few values, whatever is sent.
func verbOf(s tenancy.StatementStart) string {
	text := strings.TrimLeft(s.SQL, " \t\r\n(")
	for _, verb := range [...]string{"SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "REPLACE", "CALL", "CREATE", "ALTER", "DROP", "VALUES"} {
		if len(text) >= len(verb) && strings.EqualFold(text[:len(verb)], verb) {
			return verb
		}
	}
	return strings.ToUpper(string(s.Operation))
}

// RequestStart implements [tenancy.RequestObserver].
func (o *Observer) RequestStart(ctx context.Context) context.Context {
	_, span := o.tracer.Start(ctx, "tenancy.resolve") // not what the handler's spans are below
	return context.WithValue(ctx, requestKey{}, span)
}

// RequestEnd implements [tenancy.RequestObserver].
func (o *Observer) RequestEnd(ctx context.Context, e tenancy.RequestEnd) {
	span, ok := ctx.Value(requestKey{}).(trace.Span)
	if !ok {
		return
	}
	span.SetAttributes(outcomeKey.String(string(e.Outcome)))
	if o.config.SpanTenant && e.Tenant.ID != "" {
		id := tenantKey.String(string(e.Tenant.ID))
		span.SetAttributes(id)
		trace.SpanFromContext(ctx).SetAttributes(id)
	}
	end(span, e.Err)
}

// SystemScope implements [tenancy.SystemObserver].
func (o *Observer) SystemScope(ctx context.Context, s *tenancy.Scope) {
	trace.SpanFromContext(ctx).AddEvent("tenancy.system", trace.WithAttributes(reasonKey.String(s.Reason())))
}

// Lifecycle implements [tenancy.LifecycleObserver].
func (o *Observer) Lifecycle(ctx context.Context, e tenancy.LifecycleEvent) {
	_, span := o.tracer.Start(ctx, "tenancy."+e.Action, trace.WithTimestamp(time.Now().Add(-e.Took)))
	if o.config.SpanTenant && e.Tenant.ID != "" {
		span.SetAttributes(tenantKey.String(string(e.Tenant.ID)))
	}
	end(span, e.Err)
}
