package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entenancy/tenancy/schema"
)

// ErrUnsafe means that [Verify] found the database unable to keep tenants apart.
var ErrUnsafe = errors.New("mysql: not safe to serve tenants")

// Verify checks that the tables of tenants in db's own database tell tenants
// apart. db is the pool that serves requests. Run it at start-up, and do not
// serve if it fails:
//
//	err := mysql.Verify(ctx, db, migrate.Tenancy)
//
// The error is [ErrUnsafe] with all that is wrong, a line each that names the
// table, the column and the statement that mends it. It fails for
//
//   - a tenant column of text whose collation is not a binary one, such as the
//     server's default: the condition on it takes ids for equal that differ in case
//     or accents. One of schema.UUID may have any, since UUIDs are always written
//     alike;
//   - a tenant column that may be null: the row would be nobody's;
//   - a tenant column of another type than the ent schema's: a number and a text are
//     compared as numbers, and 1x is 1.
//
// Tables that are not there, or that db's user has no rights on, are not looked
// for: they may be in databases of tenants' own. Any other error means that it
// could not be found out.
//
// Verify sends one query. It needs no tenant in ctx and disregards one that is
// there. It is safe for concurrent use.
func Verify(ctx context.Context, db *sql.DB, m schema.Metadata) error {
	if len(m.Tables) == 0 {
		return errors.New("mysql: Verify: the metadata has no tables: pass migrate.Tenancy of the generated code")
	}
	columns, err := columnsOf(ctx, db)
	if err != nil {
		return fmt.Errorf("mysql: Verify could not finish: %w", err)
	}
	var problems []error
	for _, t := range m.Tables {
		for _, c := range columns {
			if c.isTenantOf(t) {
				problems = append(problems, c.problem(t.ColumnType))
			}
		}
	}
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("%w:\n%w", ErrUnsafe, err)
	}
	return nil
}

// column is one of a table, with the names and the type as the server has them.
type column struct {
	table, name, definition string
	collation               string // empty for what is not text
	nullable                bool
	foldsTables             bool // the server takes names of tables in any case
}

// columnsOf returns the columns of all tables in the connection's database.
func columnsOf(ctx context.Context, db *sql.DB) (columns []column, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT table_name, column_name, column_type, COALESCE(collation_name, ''), is_nullable = 'YES', @@lower_case_table_names <> 0
		FROM information_schema.columns WHERE table_schema = DATABASE()`)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c column
		if err := rows.Scan(&c.table, &c.name, &c.definition, &c.collation, &c.nullable, &c.foldsTables); err != nil {
			return nil, err
		}
		columns = append(columns, c)
	}
	return columns, rows.Err()
}

// isTenantOf reports whether c is the tenant column of t.
func (c column) isTenantOf(t schema.Table) bool {
	table := c.table == t.Name || c.foldsTables && strings.EqualFold(c.table, t.Name)
	return table && strings.EqualFold(c.name, t.TenantColumn)
}

// problem says what is wrong with c as a tenant column, and what to do.
func (c column) problem(is schema.ColumnType) error {
	if !c.holds(is) {
		return fmt.Errorf("table %s: column %s is %s, and tenants' ids are %s in the ent schema: MySQL takes different ones for equal; make it what the schema says",
			quote(c.table), quote(c.name), c.definition, is)
	}
	var wrong []string
	collation := c.collation
	if is == schema.String && !exact(collation) {
		wrong = append(wrong, "has the collation "+collation+", which takes different ids for equal")
		collation = "utf8mb4_bin"
	}
	if c.nullable {
		wrong = append(wrong, "may be null")
	}
	if len(wrong) == 0 {
		return nil
	}
	definition := c.definition
	if collation != "" {
		definition += " COLLATE " + collation
	}
	return fmt.Errorf("table %[1]s: column %[2]s %[3]s: ALTER TABLE %[1]s MODIFY %[2]s %[4]s NOT NULL",
		quote(c.table), quote(c.name), strings.Join(wrong, ", and "), definition)
}

// holds reports whether c has a type in which ids of a kind are themselves.
func (c column) holds(is schema.ColumnType) bool {
	word, _, _ := strings.Cut(c.definition, "(")
	word, _, _ = strings.Cut(strings.ToLower(word), " ")
	number := strings.HasSuffix(word, "int")
	text := strings.HasSuffix(word, "char") || strings.HasSuffix(word, "text") || strings.HasSuffix(word, "binary")
	switch is {
	case schema.Int64:
		return number
	case schema.UUID:
		return text || word == "uuid" // MariaDB's
	default:
		return text
	}
}

// exact reports whether a collation compares byte by byte: none, and the binary
// one of a character set.
func exact(collation string) bool {
	return collation == "" || collation == "binary" || strings.HasSuffix(collation, "_bin")
}
