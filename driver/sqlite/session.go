package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// session runs this package's own statements on a new connection, by what
// every driver has.
type session struct{ conn sqldriver.Conn }

// exec runs statements that return nothing of interest.
func (s session) exec(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := s.column(ctx, statement, 0); err != nil {
			return err
		}
	}
	return nil
}

// column returns the values of one column as text. It reads to the end.
func (s session) column(ctx context.Context, query string, number int) (values []string, err error) {
	rows, done, err := s.query(ctx, query)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close(), done()) }()
	row := make([]sqldriver.Value, len(rows.Columns()))
	for {
		switch err := rows.Next(row); {
		case err == io.EOF: //nolint:errorlint // as driver.Rows says
			return values, nil
		case err != nil:
			return nil, err
		case number < len(row):
			values = append(values, text(row[number]))
		}
	}
}

func (s session) query(ctx context.Context, query string) (sqldriver.Rows, func() error, error) {
	if direct, ok := s.conn.(sqldriver.QueryerContext); ok {
		rows, err := direct.QueryContext(ctx, query, nil)
		return rows, func() error { return nil }, err
	}
	statement, err := s.conn.Prepare(query)
	if err != nil {
		return nil, nil, err
	}
	rows, err := statement.Query(nil) //nolint:staticcheck // every driver has it
	if err != nil {
		return nil, nil, errors.Join(err, statement.Close())
	}
	return rows, statement.Close, nil
}

func text(value sqldriver.Value) string {
	if bytes, ok := value.([]byte); ok {
		return string(bytes)
	}
	return fmt.Sprint(value)
}

// useWAL puts the file of a database into WAL mode. It stays in it.
func (s session) useWAL(ctx context.Context, database string) error {
	mode, err := s.column(ctx, "PRAGMA "+database+".journal_mode = WAL", 0)
	if err == nil && (len(mode) != 1 || !strings.EqualFold(mode[0], "wal")) {
		err = errors.New("the file system has no WAL mode")
	}
	return err
}

// isFile fails unless a database of the connection is the file that was asked
// for: a SQLite without URIs would take all of the URI for a name.
func (s session) isFile(ctx context.Context, database, file string) error {
	names, err := s.column(ctx, "PRAGMA database_list", 1)
	if err != nil {
		return err
	}
	files, err := s.column(ctx, "PRAGMA database_list", 2)
	if err != nil {
		return err
	}
	want, err := os.Stat(file)
	if err != nil {
		return reasonOf(err)
	}
	for i, name := range names {
		if i >= len(files) || name != database {
			continue
		}
		if got, err := os.Stat(files[i]); err == nil && os.SameFile(got, want) {
			return nil
		}
	}
	return errors.New("another file was opened: Config.Driver has to take file: URIs")
}

// literal quotes a text.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
