package metrics

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
)

// Metrics returns what was counted, and what the sources are at.
func (c *Collector) Metrics() Metrics {
	if c == nil {
		return nothing()
	}
	m := Metrics{
		Since: c.began, At: time.Now(), SystemScopes: c.systems.Load(),
		Requests: c.readRequests(), Refusals: counts(&c.refusals),
		Statements: c.readStatements(), Errors: counts(&c.errors),
		Lifecycle: c.readLifecycle(), Others: c.tenants.Other().read(""),
		Tenants: []Tenant{},
	}
	for id, t := range c.tenants.Named() {
		m.Tenants = append(m.Tenants, t.read(id))
	}
	slices.SortFunc(m.Tenants, func(a, b Tenant) int { return cmp.Compare(a.ID, b.ID) })
	c.ask(&m)
	return m
}

// nothing is what is counted where nothing is.
func nothing() Metrics {
	return Metrics{
		At: time.Now(), Requests: []Requests{}, Refusals: map[string]uint64{}, Statements: []Statements{}, Errors: map[string]uint64{},
		Lifecycle: []Lifecycle{}, Tenants: []Tenant{},
	}
}

// ask asks the sources.
func (c *Collector) ask(m *Metrics) {
	m.Cache = asked(c.config.Cache)
	m.RedisCache = asked(c.config.RedisCache)
	m.Audit = asked(c.config.Audit)
	m.Databases = asked(c.config.Driver)
	m.Limiter = asked(c.config.Limiter)
	m.Migrations = asked(c.config.Migrations)
	for name, source := range c.config.Pools {
		if m.Pools == nil {
			m.Pools = make(map[string]Pool, len(c.config.Pools))
		}
		m.Pools[name] = poolOf(source())
	}
}

func asked[T any](source func() T) *T {
	if source == nil {
		return nil
	}
	answer := source()
	return &answer
}

func poolOf(s sql.DBStats) Pool {
	return Pool{
		MaxOpen: s.MaxOpenConnections, Open: s.OpenConnections, InUse: s.InUse, Idle: s.Idle,
		Waits: s.WaitCount, WaitSeconds: s.WaitDuration.Seconds(),
	}
}

func counts(n *named[atomic.Uint64]) map[string]uint64 {
	all := map[string]uint64{}
	n.each(func(name string, count *atomic.Uint64) { all[name] = count.Load() })
	return all
}

func (c *Collector) readRequests() []Requests {
	all := []Requests{}
	c.requests.each(func(outcome string, r *requests) {
		all = append(all, Requests{tenancy.Outcome(outcome), r.count.Load(), time.Duration(r.took.Load()).Seconds()})
	})
	slices.SortFunc(all, func(a, b Requests) int { return cmp.Compare(a.Outcome, b.Outcome) })
	return all
}

func (c *Collector) readStatements() []Statements {
	all := []Statements{}
	for i, isolation := range names() {
		for _, o := range []tenancy.Operation{
			tenancy.OperationQuery, tenancy.OperationExec, tenancy.OperationBegin, tenancy.OperationCommit, tenancy.OperationRollback, "other",
		} {
			counted := c.statements[i].of(o)
			if d := counted.duration.read(); d.Count > 0 {
				all = append(all, Statements{Operation: o, Isolation: isolation, Errors: counted.errors.Load(), Duration: d})
			}
		}
	}
	slices.SortFunc(all, func(a, b Statements) int {
		return cmp.Or(cmp.Compare(a.Isolation, b.Isolation), cmp.Compare(a.Operation, b.Operation))
	})
	return all
}

func (c *Collector) readLifecycle() []Lifecycle {
	all := []Lifecycle{}
	c.lifecycle.each(func(action string, l *lifecycle) {
		all = append(all, Lifecycle{action, l.count.Load(), l.failed.Load()})
	})
	slices.SortFunc(all, func(a, b Lifecycle) int { return cmp.Compare(a.Action, b.Action) })
	return all
}

func (t *tenant) read(id tenancy.ID) Tenant {
	return Tenant{
		ID: id, Statements: t.statements.Load(), Errors: t.errors.Load(), Seconds: time.Duration(t.took.Load()).Seconds(),
		Requests: t.requests.Load(), NotServed: t.notServed.Load(),
	}
}

// Handler answers GET and HEAD with the Metrics as JSON. It asks nobody who they
// are, and its answer names tenants: mount it where only operators come.
func (c *Collector) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		body, err := json.MarshalIndent(c.Metrics(), "", "  ")
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(append(body, '\n')) // whoever asked has gone, if this fails
	})
}
