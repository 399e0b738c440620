package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// direct reports that a statement can be sent by runDirect: nothing has to be
// prepared, closed or begun by the way.
func (c *conn) direct(w way) bool {
	return w.begin == "" && len(c.statements.closing) == 0 && (!w.set || c.setterOf(w.at).desc.Name != "")
}

// runDirect sends a statement as pgx sends one that goes alone, and the settings
// ahead of it in the same message. A pipeline does the same, but keeps lists of
// what is under way, which costs the client as much as the settings cost the server.
//
// To pgx's reader all of it is one result. That is so because the settings'
// statement is run for at most one row: having sent it, the server says that it
// has suspended, which the reader passes over, and not that it is complete,
// which would end the result. So the settings are its first row, which is
// compared with what was sent. Nothing is given out that came in another way.
func (c *conn) runDirect(ctx context.Context, w way, st *statement, r *result) error {
	if w.set {
		c.leadSet(w.at)
	}
	reader := c.wire().ExecStatement(ctx, st.desc, c.encoder.ParamValues, c.encoder.ParamFormats, st.formats)
	c.dropArguments()
	if w.set {
		if err := c.readSet(ctx, reader); err != nil {
			return err
		}
	}
	*r = result{c: c, w: w, st: st, reader: reader, row: reader.NextRow()}
	if !r.row {
		if _, err := reader.Close(); err != nil {
			return err
		}
	}
	c.reading = true
	return nil
}

// leadSet puts the settings into the buffer that the statement is put into next.
func (c *conn) leadSet(at place) {
	to := c.wire().Frontend()
	c.bind.PreparedStatement, c.bind.Parameters = c.setterOf(at).desc.Name, c.settingsOf(at)
	to.SendBind(&c.bind)
	to.SendExecute(&c.execute)
}

// readSet reads the settings as the server has made them.
func (c *conn) readSet(ctx context.Context, reader *pgconn.ResultReader) error {
	if reader.NextRow() {
		if slices.EqualFunc(reader.Values(), c.values, bytes.Equal) {
			return nil
		}
		return c.unconfirmed(ctx)
	}
	_, err := reader.Close()
	c.dropUnsent()
	switch {
	case err == nil:
		return c.unconfirmed(ctx)
	case isGoodbye(err), pgconn.SafeToRetry(err):
		return notRun{err} // instead of the first answer: the rest was not read
	}
	return err
}

// unconfirmed gives up a connection on which something else goes on than we think.
func (c *conn) unconfirmed(ctx context.Context) error {
	_ = c.pgx.Close(ctx)
	return errUnconfirmed
}

// dropUnsent empties the buffer of what pgx has refused to send the statement
// with, because its context was over, say. It must not go with the next one.
func (c *conn) dropUnsent() {
	if c.pgx.IsClosed() {
		return
	}
	to := c.wire().Frontend()
	to.Send(&unsendable{})
	_ = to.Flush() // fails, and takes all of the buffer along
}

// unsendable is a message that cannot be encoded.
type unsendable struct{ pgproto3.Sync }

func (*unsendable) Encode([]byte) ([]byte, error) { return nil, errUnsendable }

var (
	errUnsendable  = errors.New("postgres: not to be sent")
	errUnconfirmed = errors.New("postgres: the server did not confirm the tenant, so that the connection was closed")
)
