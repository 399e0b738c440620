package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
)

// api is an ordinary API on an ordinary ent client: no query names a tenant.
type api struct {
	client   *ent.Client
	account  *audit.Log
	outcomes *outcomes
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", a.listUsers)
	mux.HandleFunc("POST /users", a.createUser)
	mux.Handle("GET /metrics", a.outcomes)
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	return mux
}

func (a *api) listUsers(w http.ResponseWriter, r *http.Request) {
	users, err := a.client.User.Query().All(r.Context()) // this tenant's
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	emails := make([]string, 0, len(users))
	for _, user := range users {
		emails = append(emails, user.Email)
	}
	_ = json.NewEncoder(w).Encode(emails)
}

func (a *api) createUser(w http.ResponseWriter, r *http.Request) {
	user, err := a.client.User.Create().SetEmail(r.PostFormValue("email")).Save(r.Context()) // this tenant's
	if ent.IsConstraintError(err) {
		http.Error(w, "the address is taken", http.StatusConflict)
		return
	}
	if err == nil { // who, for which tenant and from where is in the context
		err = a.account.Record(r.Context(), audit.Entry{Action: "user.create", Resource: "user", ResourceID: user.ID.String()})
	}
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
}

// outcomes counts what becomes of requests, in the text format of Prometheus.
type outcomes struct {
	tenancy.NopObserver
	served, refused, limited, unavailable atomic.Int64
}

// RequestEnd implements [tenancy.RequestObserver].
func (o *outcomes) RequestEnd(_ context.Context, e tenancy.RequestEnd) {
	switch e.Outcome {
	case tenancy.OutcomeServed:
		o.served.Add(1)
	case tenancy.OutcomeLimited:
		o.limited.Add(1)
	case tenancy.OutcomeUnavailable:
		o.unavailable.Add(1)
	default:
		o.refused.Add(1)
	}
}

func (o *outcomes) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintln(w, "# TYPE tenancy_requests_total counter")
	for _, c := range []struct {
		outcome tenancy.Outcome
		count   *atomic.Int64
	}{
		{tenancy.OutcomeServed, &o.served},
		{tenancy.OutcomeRefused, &o.refused},
		{tenancy.OutcomeLimited, &o.limited},
		{tenancy.OutcomeUnavailable, &o.unavailable},
	} {
		_, _ = fmt.Fprintf(w, "tenancy_requests_total{outcome=%q} %d\n", c.outcome, c.count.Load())
	}
}
