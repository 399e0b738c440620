package tenancyotel_test

import (
	"slices"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyotel"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/observe"
)

// source has the tenants that it is told to have.
type source struct{ tenants []metrics.Tenant }

func (s *source) Metrics() metrics.Metrics { return metrics.Metrics{Tenants: s.tenants} }

// A counter does not fall because its tenant has left the busiest and come back:
// what is collected is what has happened.
func TestTenantThatComesBack(t *testing.T) {
	t.Parallel()
	for temporality, want := range map[metricdata.Temporality][]int64{
		metricdata.CumulativeTemporality: {10, 12, 15, 25, 2},
		metricdata.DeltaTemporality:      {10, 2, 3, 10, 2},
	} {
		s := &source{}
		reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(
			func(sdkmetric.InstrumentKind) metricdata.Temporality { return temporality }))
		w := &world{reader: reader}
		_, err := tenancyotel.New(tenancyotel.Config{MeterProvider: sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)), Source: s})
		if err != nil {
			t.Fatal(err)
		}
		var got []int64
		for _, tenants := range [][]metrics.Tenant{
			{{ID: "acme", Statements: 10, Seconds: 1}},
			{{ID: "acme", Statements: 2}},
			{{ID: "acme", Statements: 5, Seconds: 1}},
			{{ID: "acme", Statements: 10}}, // that it began at zero shows by the time
			nil,
			{{ID: "acme", Statements: 2}},
		} {
			s.tenants = tenants
			by := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id")
			if tenants != nil {
				got = append(got, by["acme"])
			} else if _, ok := by["acme"]; ok {
				t.Errorf("%v: acme is counted, and is not there", temporality)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: collected %v, want %v", temporality, got, want)
		}
	}
}

// A Manager that keeps no counts has a nil collector, of which nothing is collected.
func TestNilSource(t *testing.T) {
	t.Parallel()
	w := newWorld(t, tenancyotel.Config{Source: (*metrics.Collector)(nil)})
	w.observer.RequestEnd(t.Context(), tenancy.RequestEnd{Outcome: tenancy.OutcomeServed})
	if by := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id"); by[observe.Other] != 0 {
		t.Errorf("got %v", by)
	}
}
