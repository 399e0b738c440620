// Package audit keeps account of who did what to which resource, as which
// tenant, and from where.
//
//	log, err := audit.New([]audit.Sink{audit.NewSlogSink(logger)}, audit.Config{})
//	...
//	defer log.Close(ctx)
//
//	err = log.Record(ctx, audit.Entry{Action: "invoice.delete", Resource: "invoice", ResourceID: id})
//
// The tenant comes from the context, and so does the [Actor], which the
// middleware puts there. Elsewhere do it yourself:
//
//	ctx = audit.WithActor(ctx, audit.Actor{Principal: "billing-worker"})
//
// What concerns no tenant is recorded in a [tenancy.System] scope, whose reason
// is in the entry.
//
// # Without being asked
//
// An [Observer] records what nobody may leave out: each System scope, with its
// reason, at its first statement, and each change of a tenant's life. Give it to
// the driver and to the lifecycle:
//
//	observer, err := audit.NewObserver(log)
//
// # Nothing is lost in silence
//
// [Log.Record] returns when the entry is in every sink, and otherwise fails:
// then do not do, or undo, what it was about. A sink that fails is tried again
// first, and a caller that goes away stops nothing. [Log.Submit], for where
// nobody can wait for a sink or be told of an error, puts an entry in a queue of
// bounded length; when the queue stays full, the caller waits. What cannot be
// recorded in the end is written to the logger in full, at error level, and
// counted in [Log.Stats].
//
// # Sinks
//
// [NewSlogSink] writes to a logger, and package registry has one that writes to
// a table. A sink of your own implements [Sink]. Each of several is written to
// and tried again by itself.
//
// # Secrets
//
// Metadata under a key that begins with [tenancy.SecretPrefix], at any depth,
// and every [tenancy.Secret] are "[redacted]" before they get to any sink.
package audit
