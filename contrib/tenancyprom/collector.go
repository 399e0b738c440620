package tenancyprom

import (
	"errors"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/observe"
)

// Source is what is shown: a *metrics.Collector, or what has one.
type Source interface {
	Metrics() metrics.Metrics
}

// Collector is a [prometheus.Collector]. It is made by [New], and safe for
// concurrent use. It counts nothing itself: each scrape reads its source.
type Collector struct {
	source Source
	descs  map[string]*prometheus.Desc
}

var _ prometheus.Collector = (*Collector)(nil)

// New returns a collector to register. It fails for a nil source.
func New(source Source) (*Collector, error) {
	if source == nil {
		return nil, errors.New("tenancyprom: New needs a source, such as a *metrics.Collector")
	}
	c := &Collector{source: source, descs: map[string]*prometheus.Desc{}}
	for _, m := range described() {
		c.descs[m.name] = prometheus.NewDesc("tenancy_"+m.name, m.help, m.labels, nil)
	}
	return c, nil
}

// Describe implements [prometheus.Collector].
func (c *Collector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range c.descs {
		descs <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *Collector) Collect(out chan<- prometheus.Metric) {
	m := c.source.Metrics()
	s := scrape{descs: c.descs, out: out}
	s.statements(m)
	s.requests(m)
	s.tenants(m)
	s.sources(m)
}

// scrape is one reading of all metrics.
type scrape struct {
	descs map[string]*prometheus.Desc
	out   chan<- prometheus.Metric
}

func (s scrape) send(m prometheus.Metric, desc *prometheus.Desc, err error) {
	if err != nil {
		m = prometheus.NewInvalidMetric(desc, err)
	}
	s.out <- m
}

func (s scrape) count(name string, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(s.descs[name], prometheus.CounterValue, value, labels...)
	s.send(m, s.descs[name], err)
}

func (s scrape) gauge(name string, value float64, labels ...string) {
	m, err := prometheus.NewConstMetric(s.descs[name], prometheus.GaugeValue, value, labels...)
	s.send(m, s.descs[name], err)
}

func (s scrape) statements(m metrics.Metrics) {
	bounds := metrics.Bounds()
	for _, of := range m.Statements {
		buckets := make(map[float64]uint64, len(bounds))
		for i, n := range of.Buckets {
			buckets[bounds[i]] = n
		}
		const name = "statement_duration_seconds"
		h, err := prometheus.NewConstHistogram(s.descs[name], of.Count, of.Seconds, buckets, string(of.Operation), of.Isolation)
		s.send(h, s.descs[name], err)
	}
	for kind, n := range m.Errors {
		s.count("statement_errors_total", float64(n), kind)
	}
	s.count("system_scopes_total", float64(m.SystemScopes))
}

func (s scrape) requests(m metrics.Metrics) {
	for _, of := range m.Requests {
		s.count("requests_total", float64(of.Count), string(of.Outcome))
		s.count("request_decision_seconds_total", of.Seconds, string(of.Outcome))
	}
	for kind, n := range m.Refusals {
		s.count("request_refusals_total", float64(n), kind)
	}
	for _, of := range m.Lifecycle {
		s.count("lifecycle_actions_total", float64(of.Count), of.Action)
		s.count("lifecycle_failures_total", float64(of.Failed), of.Action)
	}
}

func (s scrape) tenants(m metrics.Metrics) {
	for _, of := range append(m.Tenants, m.Others) {
		label := strings.ToValidUTF8(string(of.ID), "\ufffd")
		if of.ID == "" {
			label = observe.Other
		}
		s.count("tenant_statements_total", float64(of.Statements), label)
		s.count("tenant_statement_errors_total", float64(of.Errors), label)
		s.count("tenant_statement_seconds_total", of.Seconds, label)
		s.count("tenant_requests_total", float64(of.Requests), label)
		s.count("tenant_requests_not_served_total", float64(of.NotServed), label)
	}
}
