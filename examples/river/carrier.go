package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/envelope"
)

// carrier takes tenants through the queue: every job is inserted with an
// envelope of the context's tenant, and worked in the context that it opens to.
// Neither inserting nor working code mentions a tenant.
type carrier struct {
	river.MiddlewareDefaults

	sealer *envelope.Sealer
	opener *envelope.Opener
}

var (
	_ rivertype.JobInsertMiddleware = (*carrier)(nil)
	_ rivertype.WorkerMiddleware    = (*carrier)(nil)
)

// envelopeKey is where in a job's metadata its envelope is.
const envelopeKey = "tenancy_envelope"

// InsertMany implements [rivertype.JobInsertMiddleware].
func (c *carrier) InsertMany(
	ctx context.Context, jobs []*rivertype.JobInsertParams, insert func(context.Context) ([]*rivertype.JobInsertResult, error),
) ([]*rivertype.JobInsertResult, error) {
	for _, job := range jobs {
		purpose, err := purposeOf(job.Kind, job.EncodedArgs)
		if err != nil {
			return nil, err
		}
		sealed, err := c.sealer.Seal(ctx, purpose)
		if err != nil {
			return nil, err
		}
		if job.Metadata, err = withEnvelope(job.Metadata, sealed); err != nil {
			return nil, err
		}
	}
	return insert(ctx)
}

// Work implements [rivertype.WorkerMiddleware].
func (c *carrier) Work(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	purpose, err := purposeOf(job.Kind, job.EncodedArgs)
	if err != nil {
		return river.JobCancel(err)
	}
	var metadata map[string]any
	if err := json.Unmarshal(job.Metadata, &metadata); err != nil {
		return river.JobCancel(err)
	}
	sealed, _ := metadata[envelopeKey].(string)
	ctx, err = c.opener.Open(ctx, sealed, purpose)
	switch {
	case err == nil:
		return work(ctx)
	case isFinal(err):
		return river.JobCancel(err)
	default: // the registry is away, or this worker has yet to be given a new key: try again
		return err
	}
}

// isFinal reports whether trying again would not help.
func isFinal(err error) bool {
	if errors.Is(err, tenancy.ErrUnknownEnvelopeKey) { // an ErrInvalidEnvelope that may be good elsewhere, or later
		return false
	}
	for _, final := range []error{tenancy.ErrInvalidEnvelope, tenancy.ErrEnvelopeExpired, tenancy.ErrNotFound, tenancy.ErrInactive} {
		if errors.Is(err, final) {
			return true
		}
	}
	return false
}

// purposeOf makes an envelope good for one kind of job with these arguments. So
// nobody who can write to the queue can move one to another job.
func purposeOf(kind string, args []byte) (string, error) {
	text, err := canonical(args)
	if err != nil {
		return "", err
	}
	digest := sha256.Sum256(text)
	return fmt.Sprintf("%s/%s", kind, hex.EncodeToString(digest[:])), nil
}

// withEnvelope adds an envelope to what others have put into a job's metadata.
func withEnvelope(metadata []byte, sealed string) ([]byte, error) {
	var values map[string]json.RawMessage
	if len(metadata) > 0 {
		if err := json.Unmarshal(metadata, &values); err != nil {
			return nil, err
		}
	}
	if values == nil {
		values = map[string]json.RawMessage{}
	}
	text, err := json.Marshal(sealed)
	if err != nil {
		return nil, err
	}
	values[envelopeKey] = text
	return json.Marshal(values)
}
