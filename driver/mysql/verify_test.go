package mysql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/schema"
)

// TestVerifyFoldsNamesAsTheServerDoes has a server as on Windows and macOS, where
// a table can be stored under another name than it is asked for.
func TestVerifyFoldsNamesAsTheServerDoes(t *testing.T) {
	t.Parallel()
	m := schema.Metadata{Tables: []schema.Table{{Name: "Orders", TenantColumn: "tenant_id", ColumnType: schema.String}}}
	for folds, want := range map[bool]error{true: mysql.ErrUnsafe, false: nil} {
		db := sql.OpenDB(catalog{column: []sqldriver.Value{"orders", "tenant_id", "varchar(9)", "utf8mb4_general_ci", false, folds}})
		defer db.Close()
		if err := mysql.Verify(t.Context(), db, m); !errors.Is(err, want) {
			t.Errorf("folds %t: got %v", folds, err)
		}
	}
}

// catalog is a database that answers every query with one column of its catalog.
type catalog struct {
	sqldriver.Conn

	column []sqldriver.Value
}

func (c catalog) Connect(context.Context) (sqldriver.Conn, error) { return c, nil }
func (catalog) Driver() sqldriver.Driver                          { return nil }
func (catalog) Close() error                                      { return nil }

func (c catalog) QueryContext(context.Context, string, []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return &answer{left: [][]sqldriver.Value{c.column}}, nil
}

// answer is the rows of an answer.
type answer struct{ left [][]sqldriver.Value }

func (a *answer) Columns() []string { return make([]string, len(a.left[0])) }
func (*answer) Close() error        { return nil }

func (a *answer) Next(to []sqldriver.Value) error {
	if len(a.left) == 0 {
		return io.EOF
	}
	copy(to, a.left[0])
	a.left = a.left[1:]
	return nil
}
