package main

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"

	"github.com/riverqueue/river/rivertype"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/envelope"
)

// acme is a registry of one tenant.
type acme struct{}

func (acme) ByID(context.Context, tenancy.ID) (tenancy.Tenant, error) {
	return tenancy.Tenant{ID: "1", Identifier: "acme", Status: tenancy.StatusActive}, nil
}

// A job whose key the worker has yet to be given waits for one that has it. What is
// no envelope for this job is given up.
func TestJobsOutliveAKeyThatIsChanged(t *testing.T) {
	t.Parallel()
	before := envelope.Key{ID: "before", Secret: tenancy.NewSecret(rand.Text() + rand.Text())}
	after := envelope.Key{ID: "after", Secret: tenancy.NewSecret(rand.Text() + rand.Text())}
	job := enqueued(t, after)
	if err := work(t, job, before, after); err != nil {
		t.Error(err)
	}
	if err := work(t, job, before); err == nil || isCancelled(err) {
		t.Errorf("a worker without the key: %v", err)
	}
	job.EncodedArgs = []byte(`{"email": "mallory@evil.example"}`)
	if err := work(t, job, before, after); !isCancelled(err) {
		t.Errorf("another job: %v", err)
	}
}

// enqueued is a job of acme's, sealed with a key.
func enqueued(t *testing.T, key envelope.Key) *rivertype.JobRow {
	t.Helper()
	sealer, err := envelope.NewSealer(key, envelope.SealerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	tenant, _ := acme{}.ByID(t.Context(), "1")
	job := &rivertype.JobInsertParams{Kind: "invite", EncodedArgs: []byte(`{"email": "ann@acme.example"}`)}
	insert := func(context.Context) ([]*rivertype.JobInsertResult, error) { return nil, nil }
	if _, err := (&carrier{sealer: sealer}).InsertMany(tenancy.NewContext(t.Context(), tenant), []*rivertype.JobInsertParams{job}, insert); err != nil {
		t.Fatal(err)
	}
	return &rivertype.JobRow{Kind: job.Kind, EncodedArgs: job.EncodedArgs, Metadata: job.Metadata}
}

// work has a worker with these keys do a job.
func work(t *testing.T, job *rivertype.JobRow, keys ...envelope.Key) error {
	t.Helper()
	opener, err := envelope.NewOpener(keys, acme{}, envelope.OpenerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return (&carrier{opener: opener}).Work(t.Context(), job, func(context.Context) error { return nil })
}

func isCancelled(err error) bool {
	var cancelled *rivertype.JobCancelError
	return errors.As(err, &cancelled)
}
