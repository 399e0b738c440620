package main

import (
	"encoding/json"
	"net/http"

	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
)

// api is an ordinary API on an ordinary ent client: no query names a tenant.
type api struct {
	client  *ent.Client
	account *audit.Log
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /users", a.listUsers)
	mux.HandleFunc("POST /users", a.createUser)
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
