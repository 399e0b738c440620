package main

import (
	"context"
	"encoding/json"
	"errors"
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
	err := a.create(r.Context(), r.PostFormValue("email"))
	switch {
	case ent.IsConstraintError(err):
		http.Error(w, "the address is taken", http.StatusConflict)
	case err != nil:
		http.Error(w, "internal error", http.StatusInternalServerError)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

// create adds a user to the tenant of ctx. What cannot be in the account does not
// happen: it commits when it is there. The account is the log, here. One in this
// file would wait for the transaction, which has SQLite's one connection.
func (a *api) create(ctx context.Context, email string) error {
	tx, err := a.client.Tx(ctx)
	if err != nil {
		return err
	}
	user, err := tx.User.Create().SetEmail(email).Save(ctx)
	if err == nil { // who, for which tenant and from where is in ctx
		err = a.account.Record(ctx, audit.Entry{Action: "user.create", Resource: "user", ResourceID: user.ID.String()})
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
