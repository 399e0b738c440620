package guard_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"testing"

	"github.com/entenancy/tenancy/internal/guard"
)

var errRefused = errors.New("refused")

// connector opens connections that can do no more than a driver must.
type connector struct {
	reset  func(context.Context) error
	stays  func(context.Context, string) bool
	spent  func(context.Context) error
	opened int
}

func (c *connector) Driver() driver.Driver { return nil }

func (c *connector) Connect(context.Context) (driver.Conn, error) {
	c.opened++
	check := func(_ context.Context, query string, inTx bool) error {
		if query == "bad" || query == "in a transaction" && !inTx {
			return errRefused
		}
		return nil
	}
	return &guard.Conn{Conn: conn{}, Check: check, Stays: c.stays, Spent: c.spent, Reset: c.reset}, nil
}

type conn struct{}

func (conn) Prepare(string) (driver.Stmt, error) { return statement{}, nil }
func (conn) Close() error                        { return nil }
func (conn) Begin() (driver.Tx, error)           { return conn{}, nil }
func (conn) Commit() error                       { return nil }
func (conn) Rollback() error                     { return nil }

type statement struct{}

func (statement) Close() error                               { return nil }
func (statement) NumInput() int                              { return -1 }
func (statement) Exec([]driver.Value) (driver.Result, error) { return driver.ResultNoRows, nil }
func (statement) Query([]driver.Value) (driver.Rows, error)  { return nil, errors.New("no rows") }

func TestDriverWithoutOptionalMethods(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(&connector{})
	defer db.Close()
	ctx := t.Context()
	if err := db.PingContext(ctx); err != nil {
		t.Errorf("ping: %v", err)
	}
	if _, err := db.ExecContext(ctx, "good", 1, "a"); err != nil {
		t.Errorf("exec: %v", err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Errorf("commit: %v", err)
	}
	if _, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		t.Error("a driver without transaction options takes one")
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(&connector{})
	defer db.Close()
	ctx := t.Context()
	if _, err := db.ExecContext(ctx, "bad"); !errors.Is(err, errRefused) {
		t.Errorf("exec: %v", err)
	}
	if _, err := db.QueryContext(ctx, "bad"); !errors.Is(err, errRefused) { //nolint:rowserrcheck,sqlclosecheck // there are none
		t.Errorf("query: %v", err)
	}
	if _, err := db.PrepareContext(ctx, "bad"); !errors.Is(err, errRefused) { //nolint:sqlclosecheck // there is none
		t.Errorf("prepare: %v", err)
	}
}

// TestInTx has one connection begin and end transactions.
func TestInTx(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(&connector{})
	defer db.Close()
	db.SetMaxOpenConns(1)
	ctx := t.Context()
	for name, end := range map[string]func(*sql.Tx) error{"Commit": (*sql.Tx).Commit, "Rollback": (*sql.Tx).Rollback} {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(ctx, "in a transaction"); err != nil {
			t.Errorf("in a transaction: %v", err)
		}
		if err := end(tx); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := db.ExecContext(ctx, "in a transaction"); !errors.Is(err, errRefused) {
			t.Errorf("after %s: %v", name, err)
		}
	}
	if _, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true}); err == nil {
		t.Error("a driver without transaction options takes one")
	}
	if _, err := db.ExecContext(ctx, "in a transaction"); !errors.Is(err, errRefused) {
		t.Errorf("after a transaction that did not begin: %v", err)
	}
}

// TestSpent has somebody on a connection on which something was left.
func TestSpent(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(&connector{
		stays: func(_ context.Context, query string) bool { return query == "stays" },
		spent: func(context.Context) error { return errRefused },
	})
	defer db.Close()
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	prepared, err := held.PrepareContext(t.Context(), "good")
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close()
	uses := map[string]func() error{
		"exec":     func() error { _, err := held.ExecContext(t.Context(), "good"); return err },
		"prepared": func() error { _, err := prepared.ExecContext(t.Context()); return err },
		"begin": func() error {
			tx, err := held.BeginTx(t.Context(), nil)
			if err != nil {
				return err
			}
			return tx.Rollback()
		},
	}
	for name, use := range uses {
		if err := use(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := held.PrepareContext(t.Context(), "stays"); err != nil { //nolint:sqlclosecheck // with the connection
		t.Fatal(err)
	}
	for name, use := range uses {
		if err := use(); !errors.Is(err, errRefused) {
			t.Errorf("%s where something stays: %v", name, err)
		}
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	var answer error
	c := &connector{reset: func(context.Context) error { return answer }}
	db := sql.OpenDB(c)
	defer db.Close()
	for _, want := range []struct {
		answer error
		opened int
	}{{nil, 1}, {nil, 1}, {driver.ErrBadConn, 2}} {
		answer = want.answer
		if _, err := db.ExecContext(t.Context(), "good"); err != nil {
			t.Error(err)
		}
		if c.opened != want.opened {
			t.Errorf("%d connections were opened, want %d", c.opened, want.opened)
		}
	}
}

// TestStays has a connection serve whoever has it, and nobody after.
func TestStays(t *testing.T) {
	t.Parallel()
	c := &connector{stays: func(_ context.Context, query string) bool { return query == "stays" || query == "bad" }}
	db := sql.OpenDB(c)
	defer db.Close()
	held, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i, query := range []string{"stays", "good", "bad"} {
		if _, err := held.ExecContext(t.Context(), query); (err != nil) != (query == "bad") || c.opened != 1 {
			t.Errorf("statement %d: %v, on connection %d", i, err, c.opened)
		}
	}
	if err := held.Close(); err != nil {
		t.Error(err)
	}
	for _, query := range []string{"good", "bad", "good"} {
		if _, err := db.ExecContext(t.Context(), query); (err != nil) != (query == "bad") || c.opened != 2 {
			t.Errorf("%s: %v, on connection %d, want the second", query, err, c.opened)
		}
	}
}
