package postgres

import (
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
)

// result is a statement that is running. finish has to be called.
type result struct {
	c      *conn
	w      way
	p      *pgconn.Pipeline // nil for one that was sent directly
	row    bool             // whether that has rows, of which the first has been read
	st     *statement       // nil for an unnamed one
	reader *pgconn.ResultReader
	own    *own
}

// first goes to the first row, if there is one.
func (r *result) first() bool {
	if r.p == nil {
		return r.row
	}
	return r.reader.NextRow()
}

// own is a schema's own statement in the making, behind the one that runs.
type own struct {
	key    statementKey
	name   string
	shared *statement // that runs
	lead   lead
}

// finish reads what is left and gives the connection back. Its error includes
// what the server says when the transaction ends, such as a deferred constraint.
func (r *result) finish() (pgconn.CommandTag, error) {
	tag, err := r.reader.Close()
	switch {
	case r.p == nil:
	case r.own != nil:
		if end := r.toSync(); err == nil {
			err = end
		}
		r.keepOwn()
		_ = r.p.Close() // what was prepared by the way does not concern the caller
	default:
		if end := r.p.Close(); err == nil {
			err = end
		}
	}
	r.c.reading = false
	if err != nil {
		r.c.forgetFailed(r.w, r.st, err)
		return pgconn.CommandTag{}, err
	}
	return tag, nil
}

// toSync reads to the end of the statement's transaction.
func (r *result) toSync() (first error) {
	for {
		got, err := r.p.GetResults()
		if first == nil {
			first = err
		}
		if _, done := got.(*pgconn.PipelineSync); done {
			return first
		}
		if err == nil && got == nil {
			return errors.New("postgres: the server broke off")
		}
		if err != nil && serverError(err) == nil {
			return first
		}
	}
}

// keepOwn takes over the schema's own statement, if the server could make it.
func (r *result) keepOwn() {
	c, o := r.c, r.own
	err := c.skipLead(r.p, o.lead)
	if err == nil {
		var got any
		if got, err = r.p.GetResults(); err == nil {
			if desc, ok := got.(*pgconn.StatementDescription); ok {
				st, same := o.shared.like(o.key, o.name, desc)
				if !same {
					st = c.newStatement(o.key, o.name, desc)
				}
				c.statements.put(st)
				return
			}
		}
	}
	c.statements.close(o.name)
}
