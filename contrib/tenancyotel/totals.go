package tenancyotel

import (
	"slices"
	"sync"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/metrics"
)

// totals keeps the counters of tenants from falling. A tenant that is no longer
// among the busiest, and then is again, begins at zero: if nothing was collected
// meanwhile, the SDK would take that for less than nothing. Who is not there when
// it is collected is forgotten by the SDK, too, and may begin at zero.
type totals struct {
	mu sync.Mutex // held while reading too, or an older reading could come later
	of map[tenancy.ID]total
}

// total is what a tenant has done: before it began at zero, and since.
type total struct{ before, since metrics.Tenant }

// read returns the source's metrics with the totals of its tenants.
func (t *totals) read(source Source) metrics.Metrics {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := source.Metrics()
	m.Tenants = slices.Clone(m.Tenants)
	now := make(map[tenancy.ID]total, len(m.Tenants))
	for i, tenant := range m.Tenants {
		of := t.of[tenant.ID]
		if fell(of.since, tenant) {
			of.before = sum(of.before, of.since)
		}
		of.since = tenant
		now[tenant.ID] = of
		m.Tenants[i] = sum(of.before, tenant)
	}
	t.of = now
	return m
}

func fell(from, to metrics.Tenant) bool {
	return to.Statements < from.Statements || to.Errors < from.Errors || to.Seconds < from.Seconds ||
		to.Requests < from.Requests || to.NotServed < from.NotServed
}

func sum(before, since metrics.Tenant) metrics.Tenant {
	since.Statements += before.Statements
	since.Errors += before.Errors
	since.Seconds += before.Seconds
	since.Requests += before.Requests
	since.NotServed += before.NotServed
	return since
}
