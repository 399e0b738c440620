package postgres

import (
	"database/sql"
	"errors"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// txRows ends a transaction when its rows are done with.
type txRows struct {
	entsql.ColumnScanner
	tx   dialect.Tx
	over bool
	err  error // of ending it
}

// Next commits after the last row, and not first in Close, whose error nobody looks at.
func (r *txRows) Next() bool {
	if r.ColumnScanner.Next() {
		return true
	}
	r.end()
	return false
}

func (r *txRows) NextResultSet() bool { return false }

func (r *txRows) Err() error { return errors.Join(r.ColumnScanner.Err(), r.err) }

func (r *txRows) Close() error {
	if r.over {
		return r.ColumnScanner.Close()
	}
	r.end()
	return r.err
}

// end gives the connection back. What was written stays, unless the rows say
// that it failed.
func (r *txRows) end() {
	if r.over {
		return
	}
	r.over = true
	if err := errors.Join(r.ColumnScanner.Close(), r.ColumnScanner.Err()); err != nil {
		r.err = errors.Join(err, undo(r.tx))
		return
	}
	r.err = finish(r.tx)
}

// finish commits. It leaves nothing to the end of the transaction's context.
func finish(tx dialect.Tx) error {
	if err := tx.Commit(); err != nil {
		return errors.Join(err, undo(tx))
	}
	return nil
}

// undo rolls back what may be over already, with its context.
func undo(tx dialect.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}
