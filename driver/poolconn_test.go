package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
)

// plainConn has none of the optional methods.
type plainConn struct{ calls *[]string }

func (c plainConn) called(method string) { *c.calls = append(*c.calls, method) }

func (c plainConn) Prepare(string) (sqldriver.Stmt, error) {
	c.called("Prepare")
	return plainStmt(c), nil
}

func (c plainConn) Begin() (sqldriver.Tx, error) {
	c.called("Begin")
	return fakeTx{}, nil
}

func (c plainConn) Close() error { c.called("Close"); return nil }

type plainStmt plainConn

func (s plainStmt) Close() error  { plainConn(s).called("Stmt.Close"); return nil }
func (s plainStmt) NumInput() int { return -1 }

func (s plainStmt) Exec([]sqldriver.Value) (sqldriver.Result, error) {
	plainConn(s).called("Stmt.Exec")
	return sqldriver.RowsAffected(1), nil
}
func (s plainStmt) Query([]sqldriver.Value) (sqldriver.Rows, error) { return nil, errInner }

// CheckNamedValue takes what database/sql alone would refuse.
func (s plainStmt) CheckNamedValue(*sqldriver.NamedValue) error { return nil }

// fullConn has all of them.
type fullConn struct{ plainConn }

var errInner = errors.New("inner")

func (c fullConn) PrepareContext(context.Context, string) (sqldriver.Stmt, error) {
	c.called("PrepareContext")
	return nil, errInner
}

func (c fullConn) BeginTx(_ context.Context, options sqldriver.TxOptions) (sqldriver.Tx, error) {
	if !options.ReadOnly {
		return nil, nil
	}
	c.called("BeginTx")
	return nil, errInner
}

func (c fullConn) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	c.called("QueryContext")
	return nil, errInner
}

func (c fullConn) ExecContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.called("ExecContext")
	return nil, errInner
}

func (c fullConn) CheckNamedValue(*sqldriver.NamedValue) error {
	c.called("CheckNamedValue")
	return errInner
}
func (c fullConn) Ping(context.Context) error         { c.called("Ping"); return errInner }
func (c fullConn) ResetSession(context.Context) error { c.called("ResetSession"); return errInner }
func (c fullConn) IsValid() bool                      { c.called("IsValid"); return false }

type given struct{ conn sqldriver.Conn }

func (g given) Connect(context.Context) (sqldriver.Conn, error) { return g.conn, nil }
func (g given) Driver() sqldriver.Driver                        { return nil }

// pooled returns the wrapped connection, as a pool opens it.
func pooled(tb testing.TB, inner sqldriver.Conn) (sqldriver.Conn, *pool) {
	tb.Helper()
	ps, _ := newFake(tb, Databases{Open: func(context.Context, tenancy.Tenant) (Database, error) {
		return Database{Connector: given{inner}}, nil
	}})
	p, err := ps.lease(tb.Context(), fakeTenant(1))
	must(tb, err)
	tb.Cleanup(p.release)
	c, err := (&connector{given{inner}, p}).Connect(tb.Context())
	must(tb, err)
	return c, p
}

func TestConnForwardsEveryMethod(t *testing.T) {
	t.Parallel()
	var calls []string
	c, _ := pooled(t, fullConn{plainConn{&calls}})
	ctx := t.Context()
	_, query := c.(sqldriver.QueryerContext).QueryContext(ctx, "", nil)
	_, exec := c.(sqldriver.ExecerContext).ExecContext(ctx, "", nil)
	_, prepare := c.(sqldriver.ConnPrepareContext).PrepareContext(ctx, "")
	_, begin := c.(sqldriver.ConnBeginTx).BeginTx(ctx, sqldriver.TxOptions{ReadOnly: true})
	for what, err := range map[string]error{
		"QueryContext": query, "ExecContext": exec, "PrepareContext": prepare, "BeginTx": begin,
		"CheckNamedValue": c.(sqldriver.NamedValueChecker).CheckNamedValue(nil),
		"Ping":            c.(sqldriver.Pinger).Ping(ctx),
		"ResetSession":    c.(sqldriver.SessionResetter).ResetSession(ctx),
	} {
		if err != errInner { //nolint:errorlint // not even wrapped
			t.Errorf("the error of %s is %v, want the inner one", what, err)
		}
	}
	if c.(sqldriver.Validator).IsValid() {
		t.Error("a connection that is not valid is called so")
	}
	must(t, c.Close())
	if len(calls) != 9 {
		t.Errorf("the inner connection was called for %v, want nine methods", calls)
	}
	if inner := c.(interface{ Unwrap() sqldriver.Conn }).Unwrap(); !reflect.DeepEqual(inner, fullConn{plainConn{&calls}}) {
		t.Errorf("Unwrap returned a %T", inner)
	}
}

// TestConnWithoutOptionalMethods does through database/sql what works there
// with a driver that has none of them.
func TestConnWithoutOptionalMethods(t *testing.T) {
	t.Parallel()
	var calls []string
	_, p := pooled(t, plainConn{&calls})
	db, ctx := dbOf(p), t.Context()
	must(t, db.PingContext(ctx))
	_, err := db.ExecContext(ctx, "statement", struct{ odd chan int }{}) // which its Stmt accepts
	must(t, err)
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	must(t, tx.Rollback())
	for _, options := range []sql.TxOptions{{ReadOnly: true}, {Isolation: sql.LevelSerializable}} {
		if _, err := db.BeginTx(ctx, &options); err == nil {
			t.Errorf("a transaction with %+v began, and the driver knows nothing of that", options)
		}
	}
	if got := strings.Join(calls, " "); got != "Prepare Stmt.Exec Stmt.Close Begin" {
		t.Errorf("the inner connection was called for %q", got)
	}
}

func TestConnEndsWhatAContextHasEnded(t *testing.T) {
	t.Parallel()
	var calls []string
	c, _ := pooled(t, plainConn{&calls})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.(sqldriver.ConnPrepareContext).PrepareContext(ctx, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("PrepareContext returned %v", err)
	}
	if _, err := c.(sqldriver.ConnBeginTx).BeginTx(ctx, sqldriver.TxOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("BeginTx returned %v", err)
	}
	if got := strings.Join(calls, " "); got != "Prepare Stmt.Close Begin" {
		t.Errorf("the inner connection was called for %q", got)
	}
}
