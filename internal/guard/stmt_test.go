package guard_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/guard"
)

// TestPreparedIsChecked runs prepared statements where their texts would be refused.
func TestPreparedIsChecked(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(&connector{})
	defer db.Close()
	ctx := t.Context()
	held, err := db.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	tx, err := held.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	prepared, err := held.PrepareContext(ctx, "in a transaction")
	if err != nil {
		t.Fatal(err)
	}
	defer prepared.Close()
	if _, err := prepared.ExecContext(ctx); err != nil {
		t.Errorf("in a transaction: %v", err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if _, err := prepared.ExecContext(ctx); !errors.Is(err, errRefused) {
		t.Errorf("exec after it: %v", err)
	}
	if _, err := prepared.QueryContext(ctx); !errors.Is(err, errRefused) { //nolint:rowserrcheck,sqlclosecheck // there are none
		t.Errorf("query after it: %v", err)
	}
}

// args is a statement that keeps what it gets, by the least that a driver must have.
type args struct {
	statement
	got *[]driver.Value
}

func (a args) Exec(values []driver.Value) (driver.Result, error) {
	*a.got = values
	return driver.ResultNoRows, nil
}

// converting says how arguments are converted, one by one.
type converting struct{ args }

func (converting) NumInput() int { return 1 }

func (converting) ColumnConverter(int) driver.ValueConverter { return driver.Bool }

// checking says so of all arguments.
type checking struct{ args }

func (checking) CheckNamedValue(value *driver.NamedValue) error {
	value.Value = "checked"
	return nil
}

// newer takes contexts.
type newer struct{ args }

func (n newer) ExecContext(_ context.Context, values []driver.NamedValue) (driver.Result, error) {
	*n.got = []driver.Value{values[0].Name, values[0].Value}
	return driver.ResultNoRows, nil
}

// given is a connection with one statement, and that connector opens it guarded.
type given struct {
	conn
	statement driver.Stmt
}

func (g given) Prepare(string) (driver.Stmt, error)          { return g.statement, nil }
func (g given) Connect(context.Context) (driver.Conn, error) { return guarded(g), nil }
func (given) Driver() driver.Driver                          { return nil }

func guarded(inner driver.Conn) *guard.Conn {
	return &guard.Conn{Conn: inner, Check: func(context.Context, string, bool) error { return nil }}
}

// TestArguments sees that they are converted as if nothing stood between.
func TestArguments(t *testing.T) {
	t.Parallel()
	var got []driver.Value
	plain := args{got: &got}
	for name, test := range map[string]struct {
		statement driver.Stmt
		arg       any
		want      []driver.Value // nil for an error
	}{
		"by default":             {plain, uint8(1), []driver.Value{int64(1)}},
		"by the column":          {converting{plain}, "yes", nil},
		"by the column, in one":  {converting{plain}, "1", []driver.Value{true}},
		"by the statement":       {checking{plain}, struct{}{}, []driver.Value{"checked"}},
		"named":                  {plain, sql.Named("a", 1), nil},
		"named, for a newer one": {newer{plain}, sql.Named("a", 1), []driver.Value{"a", int64(1)}},
	} {
		db := sql.OpenDB(given{statement: test.statement})
		prepared, err := db.PrepareContext(t.Context(), "statement")
		if err != nil {
			t.Fatal(err)
		}
		got = nil
		_, err = prepared.ExecContext(t.Context(), test.arg)
		if (err != nil) != (test.want == nil) || !slices.Equal(got, test.want) {
			t.Errorf("%s: the statement got %v, want %v: %v", name, got, test.want, err)
		}
		if err := errors.Join(prepared.Close(), db.Close()); err != nil { //nolint:sqlclosecheck // one after the other
			t.Error(err)
		}
	}
}

var (
	errCause = errors.New("interrupted")
	errEnded = errors.New("the transaction has ended")
)

// failing is a database whose statements fail, at once or when their rows are read.
type failing struct {
	statement
	late  bool
	calls *[]string
}

func (f failing) Prepare(string) (driver.Stmt, error)          { return f, nil }
func (f failing) Begin() (driver.Tx, error)                    { return f, nil }
func (f failing) Close() error                                 { return nil }
func (f failing) Exec([]driver.Value) (driver.Result, error)   { return nil, errCause }
func (f failing) Columns() []string                            { return []string{"a"} }
func (f failing) Next([]driver.Value) error                    { return errCause }
func (f failing) Connect(context.Context) (driver.Conn, error) { return f.guarded(), nil }
func (f failing) Driver() driver.Driver                        { return nil }

func (f failing) Query([]driver.Value) (driver.Rows, error) {
	if f.late {
		return f, nil
	}
	return nil, errCause
}

func (f failing) Commit() error   { *f.calls = append(*f.calls, "commit"); return nil }
func (f failing) Rollback() error { *f.calls = append(*f.calls, "rollback"); return nil }

func (f failing) guarded() *guard.Conn {
	c := guarded(f)
	c.Ended = func(cause error) (bool, error) { return true, errors.Join(errEnded, cause) }
	return c
}

// TestEnded has a statement fail with which the database ends the transaction.
func TestEnded(t *testing.T) {
	t.Parallel()
	exec := func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "exec")
		return err
	}
	query := func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, "query")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			t.Error("there is a row")
		}
		return rows.Err()
	}
	for _, test := range []struct {
		name string
		late bool
		run  func(context.Context, *sql.Tx) error
	}{{"exec", false, exec}, {"query", false, query}, {"rows", true, query}} {
		var calls []string
		db := sql.OpenDB(failing{late: test.late, calls: &calls})
		db.SetMaxOpenConns(1)
		for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			if _, err := db.ExecContext(t.Context(), "outside of a transaction"); errors.Is(err, errEnded) {
				t.Errorf("%s: a transaction that had ended before is still felt", test.name)
			}
			tx, err := db.BeginTx(t.Context(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.run(t.Context(), tx); !errors.Is(err, errCause) || errors.Is(err, errEnded) {
				t.Errorf("%s: the statement: %v", test.name, err)
			}
			if err := test.run(t.Context(), tx); !errors.Is(err, errEnded) {
				t.Errorf("%s: the next statement: %v", test.name, err)
			}
			if err := end(tx); errors.Is(err, errEnded) != (len(calls) == 1) || err != nil && !errors.Is(err, errCause) {
				t.Errorf("%s: the end: %v", test.name, err)
			}
		}
		if !slices.Equal(calls, []string{"rollback", "rollback"}) {
			t.Errorf("%s: the database was told %q, want two rollbacks", test.name, calls)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestDoubt has a database that cannot tell at once whether a transaction has ended.
func TestDoubt(t *testing.T) {
	t.Parallel()
	for _, over := range []error{nil, errEnded} {
		var calls []string
		sure := false
		c := failing{late: true, calls: &calls}.guarded()
		c.Ended = func(error) (bool, error) { return sure, over }
		tx, err := c.BeginTx(t.Context(), driver.TxOptions{})
		if err != nil {
			t.Fatal(err)
		}
		run := func() error {
			prepared, err := c.PrepareContext(t.Context(), "query")
			if err != nil {
				return err
			}
			_, err = prepared.(driver.StmtExecContext).ExecContext(t.Context(), nil) //nolint:forcetypeassert // the guard's
			return err
		}
		if err := run(); !errors.Is(err, errCause) {
			t.Fatal(err)
		}
		if _, err := c.PrepareContext(t.Context(), "query"); !errors.Is(err, errCause) || !strings.Contains(err.Error(), "may have ended") {
			t.Errorf("in doubt: %v", err)
		}
		sure = true
		if _, err := c.PrepareContext(t.Context(), "query"); !errors.Is(err, over) {
			t.Errorf("without doubt: %v, want %v", err, over)
		}
		if err := tx.Commit(); !errors.Is(err, over) || (over == nil) != slices.Equal(calls, []string{"commit"}) {
			t.Errorf("Commit: %v, and the database was told %q", err, calls)
		}
	}
}

var _ driver.Rows = failing{}

// TestRowsLackNothing has rows in a transaction that can do nothing of what rows may.
func TestRowsLackNothing(t *testing.T) {
	t.Parallel()
	var calls []string
	rows, err := query(t, failing{late: true, calls: &calls}.guarded())
	if err != nil {
		t.Fatal(err)
	}
	more := rows.(driver.RowsNextResultSet) //nolint:forcetypeassert // the next ones too: that is the test
	if more.HasNextResultSet() || !errors.Is(more.NextResultSet(), io.EOF) {
		t.Error("there are more rows")
	}
	if name := rows.(driver.RowsColumnTypeDatabaseTypeName).ColumnTypeDatabaseTypeName(0); name != "" { //nolint:forcetypeassert // see above
		t.Errorf("the type is %q", name)
	}
}

func query(t *testing.T, c *guard.Conn) (driver.Rows, error) {
	t.Helper()
	if _, err := c.BeginTx(t.Context(), driver.TxOptions{}); err != nil {
		t.Fatal(err)
	}
	prepared, err := c.PrepareContext(t.Context(), "query")
	if err != nil {
		t.Fatal(err)
	}
	return prepared.(driver.StmtQueryContext).QueryContext(t.Context(), nil) //nolint:forcetypeassert // that is the test
}

// TestCleanupDone is of connections that say when their session is over, and of others.
func TestCleanupDone(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	if done := guarded(ending{over: over}).CleanupDone(); done != (<-chan struct{})(over) {
		t.Error("it is not that of the connection")
	}
	select {
	case <-guarded(conn{}).CleanupDone():
	default:
		t.Error("a connection that does not say it is waited for")
	}
}

type ending struct {
	conn
	over chan struct{}
}

func (e ending) CleanupDone() <-chan struct{} { return e.over }
