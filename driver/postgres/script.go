package postgres

import (
	"context"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
)

// script sends a text of any number of statements by the simple protocol, with
// what goes ahead in the same message.
func (c *conn) script(ctx context.Context, w way, sql string) (pgconn.CommandTag, error) {
	if err := checkScript(w, sql); err != nil {
		return pgconn.CommandTag{}, err
	}
	head, err := c.head(w)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, answered, err := c.simple(ctx, head+sql)
	if server := serverError(err); server != nil && server.Position > 0 {
		server.Position -= int32(utf8.RuneCountInString(head)) // #nosec G115 -- a few hundred at most
	}
	if w.begin != "" && serverError(err) != nil && !c.inServerTx() {
		c.tx.failed = true // the text did not parse, so BEGIN did not run either
	}
	if pgconn.SafeToRetry(err) || !answered && w.set && isGoodbye(err) {
		err = notRun{err}
	}
	return tag, err
}

// simple runs a script and returns its last tag, and whether any came.
func (c *conn) simple(ctx context.Context, text string) (tag pgconn.CommandTag, answered bool, _ error) {
	reader := c.wire().Exec(ctx, text)
	for reader.NextResult() {
		answered = true
		tag, _ = reader.ResultReader().Close() // the error comes with the reader's
	}
	return tag, answered, reader.Close()
}

// head is the lead of a script.
func (c *conn) head(w way) (string, error) {
	if !w.set {
		return "", nil
	}
	if err := c.quotable(); err != nil {
		return "", err
	}
	head := w.at.setLocal() + "; "
	if w.begin != "" {
		head = w.begin + "; " + head
	}
	return head, nil
}
