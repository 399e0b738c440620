package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent/user"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/registry"
)

// takeTour enqueues jobs as three tenants, tampers with some of them, and
// shows what the worker makes of each. It fails if anything is not as it should be.
func (a *app) takeTour(ctx context.Context, out io.Writer) error {
	if err := a.createTenants(ctx, "acme", "globex", "initech"); err != nil {
		return err
	}
	for _, job := range []struct{ tenant, email string }{
		{"acme", "ann@acme.example"},
		{"globex", "gil@globex.example"},
		{"globex", "moved@globex.example"},
		{"globex", "changed@globex.example"},
		{"globex", "bare@globex.example"},
		{"initech", "ian@initech.example"},
	} {
		if err := a.request(ctx, job.tenant, job.email); err != nil {
			return err
		}
	}
	if err := a.rewrite(ctx); err != nil {
		return err
	}
	if err := a.attack(ctx); err != nil {
		return err
	}
	if err := a.work(ctx, out, 6); err != nil {
		return err
	}
	return a.check(ctx, out)
}

func (a *app) createTenants(ctx context.Context, identifiers ...string) error {
	for _, identifier := range identifiers {
		_, err := a.tenants.Create(ctx, registry.NewTenant{Identifier: identifier, Name: identifier, Status: tenancy.StatusActive})
		if err != nil {
			return err
		}
	}
	return nil
}

// request is a tenant's, over HTTP.
func (a *app) request(ctx context.Context, tenant, email string) error {
	perTenant, err := middleware.New(a.tenants, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		return err
	}
	body := strings.NewReader(url.Values{"email": {email}}.Encode())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/invite", body)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set(middleware.HeaderName, tenant)
	w := httptest.NewRecorder()
	perTenant(invite(a.queue)).ServeHTTP(w, r)
	if w.Code != http.StatusAccepted {
		return fmt.Errorf("%s: POST /invite: %s", tenant, w.Result().Status)
	}
	return nil
}

// rewrite has the database write arguments in its own form, for which an envelope
// is to be good as it is for what was enqueued.
func (a *app) rewrite(ctx context.Context) error {
	for _, args := range []string{
		`{"b": [1e-7, 1e+21, 1E5], "a": -0, "a": "\u00e9<&>"}`, `1.50`, `-0.0`, `2.5e-9`, `1e1000`, `9007199254740993`, `"1e-7"`,
	} {
		var kept []byte
		if err := a.pool.QueryRow(ctx, "SELECT $1::jsonb::text", args).Scan(&kept); err != nil {
			return err
		}
		before, err := purposeOf("invite", []byte(args))
		if err != nil {
			return err
		}
		after, err := purposeOf("invite", kept)
		if err != nil || after != before {
			return errors.Join(err, fmt.Errorf("an envelope for %s is not good for %s", args, kept))
		}
	}
	return nil
}

// attack is what somebody does who can write to the queue's table; and one
// tenant is suspended while its job waits.
func (a *app) attack(ctx context.Context) error {
	for _, statement := range []string{
		// A job of globex gets the envelope of acme's.
		`UPDATE river_job SET metadata = (SELECT metadata FROM river_job WHERE args->>'email' = 'ann@acme.example')
			WHERE args->>'email' = 'moved@globex.example'`,
		// The arguments are changed under an envelope that is genuine.
		`UPDATE river_job SET args = '{"email": "mallory@evil.example"}' WHERE args->>'email' = 'changed@globex.example'`,
		// The envelope is taken off.
		`UPDATE river_job SET metadata = '{}' WHERE args->>'email' = 'bare@globex.example'`,
	} {
		if tag, err := a.pool.Exec(ctx, statement); err != nil || tag.RowsAffected() != 1 {
			return errors.Join(err, fmt.Errorf("the attack changed %d jobs, not 1", tag.RowsAffected()))
		}
	}
	initech, err := a.tenants.ByIdentifier(ctx, "initech")
	if err != nil {
		return err
	}
	_, err = a.tenants.SetStatus(ctx, initech.ID, tenancy.StatusSuspended)
	return err
}

// work lets the worker do n jobs, and says what became of them.
func (a *app) work(ctx context.Context, out io.Writer, n int) error {
	events, unsubscribe := a.queue.Subscribe(river.EventKindJobCompleted, river.EventKindJobCancelled, river.EventKindJobFailed)
	defer unsubscribe()
	if err := a.queue.Start(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for range n {
		select {
		case event := <-events:
			outcome := "done"
			if errs := event.Job.Errors; len(errs) > 0 {
				outcome = errs[len(errs)-1].Error
			}
			_, _ = fmt.Fprintf(out, "%-35s %-10s %s\n", event.Job.EncodedArgs, event.Job.State, outcome)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return a.queue.Stop(ctx)
}

// check looks at what each tenant has got.
func (a *app) check(ctx context.Context, out io.Writer) error {
	for identifier, want := range map[string]string{"acme": "[ann@acme.example]", "globex": "[gil@globex.example]", "initech": "[]"} {
		tenant, err := a.tenants.ByIdentifier(ctx, identifier)
		if err != nil {
			return err
		}
		tenant.Status = tenancy.StatusActive // to look at the suspended one's, too
		emails, err := a.client.User.Query().Select(user.FieldEmail).Strings(tenancy.NewContext(ctx, tenant))
		if err != nil {
			return err
		}
		if got := fmt.Sprint(emails); got != want {
			return fmt.Errorf("%s has the users %s, not %s", identifier, got, want)
		}
	}
	_, err := fmt.Fprintln(out, "Every tenant has the users of its own jobs, and of no tampered one.")
	return err
}
