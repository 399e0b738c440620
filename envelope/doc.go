// Package envelope carries a tenant through a queue: from the request that
// enqueues a job to the worker, in another process and later, that does it.
//
//	sealer, err := envelope.NewSealer(key, envelope.SealerConfig{})
//	...
//	text, err := sealer.Seal(ctx, "invoice.send") // ctx has the tenant
//
// The text travels with the job. The worker opens it, and works in the context
// that it gets:
//
//	opener, err := envelope.NewOpener([]envelope.Key{key}, registry, envelope.OpenerConfig{})
//	...
//	ctx, err = opener.Open(ctx, text, "invoice.send")
//	if err != nil {
//		return err // nothing was done for anybody
//	}
//	client.Order.Query().All(ctx) // the tenant's
//
// A tenant's id alone would do as much in an honest queue. But whoever can write
// to the queue could then act for every tenant, and so could who confuses two
// fields of a job. An envelope is signed, is good for a time only, and only for
// the purpose that it was sealed for; and the tenant is looked up when it is
// opened, so that nothing is done for one that has been suspended meanwhile.
//
// # Purpose
//
// The purpose says what an envelope is good for. With the kind of job in it, the
// envelope of a harmless job opens no dangerous one. With the job's id or a
// digest of its arguments in it too, it opens that one job alone. An envelope
// may be opened many times until it expires, since jobs are tried again.
//
// # System scopes
//
// An envelope that is sealed in a [tenancy.System] scope carries its reason.
// It opens only where OpenerConfig.System allows it.
//
// # Keys
//
// A [Key] is a secret of at least 32 bytes with a name. To change it, give
// openers the new one beside the old one; then sealers the new one; and when
// all that was sealed with the old one has expired, take that from the openers.
// In another order, workers meet envelopes whose key they do not have. That is
// tenancy.ErrUnknownEnvelopeKey: no reason to give a job up for good, since a
// worker that has the key can do it.
//
// # Format
//
// An envelope is a JSON Web Token (RFC 7519) with HMAC-SHA256, of a type and an
// audience of its own, and under a key that is derived from the secret (HKDF,
// RFC 5869). So no token of a user is an envelope, nor is an envelope a token
// of a user, even where both have the same secret. It is signed and not
// encrypted: who sees it can read the tenant's id, the purpose and the reason.
package envelope
