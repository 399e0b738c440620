package main

import (
	"context"
	"net/http"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/entenancy/tenancy/examples/quickstart/ent"
)

// InviteArgs is a job: to add a user. It has no tenant in it.
type InviteArgs struct {
	Email string `json:"email"`
}

// Kind implements [river.JobArgs].
func (InviteArgs) Kind() string { return "invite" }

// inviter does such jobs.
type inviter struct {
	river.WorkerDefaults[InviteArgs]

	client *ent.Client
}

// Work adds a user to the tenant that ctx acts for.
func (w *inviter) Work(ctx context.Context, job *river.Job[InviteArgs]) error {
	return w.client.User.Create().SetEmail(job.Args.Email).Exec(ctx)
}

// invite is the handler that enqueues a job, in a tenant's request.
func invite(queue *river.Client[pgx.Tx]) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := queue.Insert(r.Context(), InviteArgs{Email: r.FormValue("email")}, nil); err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusAccepted)
	}
}
