// Package statements tells the statements of a migration file apart, as Atlas'
// drivers do.
package statements

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
)

// Of returns the statements of a file for a database, named as in package
// entgo.io/ent/dialect, and where each begins in it. Its errors name neither.
func Of(database, text string) ([]*migrate.Stmt, error) {
	options, err := optionsFor(database)
	if err != nil {
		return nil, err
	}
	// Atlas looks for blocks at every character, in all of the text behind it: a
	// file of 20 kB takes a second. Most files have none.
	upper := strings.ToUpper(text)
	options.MatchBegin = strings.Contains(upper, "BEGIN")
	options.MatchBeginAtomic = options.MatchBeginAtomic && options.MatchBegin && strings.Contains(upper, "ATOMIC")
	all, err := scan(options, text)
	for _, s := range all {
		s.Pos = min(s.Pos+delimiterLength(text), len(text))
	}
	return all, err
}

// scan does not panic as Atlas does at a DELIMITER that is one quote.
func scan(options migrate.ScannerOptions, text string) (all []*migrate.Stmt, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			all, err = nil, fmt.Errorf("the statements cannot be told apart: see what is behind DELIMITER: %v", reason)
		}
	}()
	return (&migrate.Scanner{ScannerOptions: options}).Scan(text)
}

// delimiterLength is the length of a first line that sets the delimiter, which
// Atlas' positions leave out.
func delimiterLength(text string) int {
	line, _, _ := strings.Cut(text, "\n")
	if !strings.HasPrefix(line, "-- atlas:delimiter ") {
		return 0
	}
	return len(line) + len("\n")
}

// CheckLines refuses a file whose lines end with CR LF, as git makes of it on Windows
// where nothing forbids that. To Atlas the file is another one then, without directives,
// and with a delimiter that is never found.
func CheckLines(text []byte) error {
	if !bytes.Contains(text, []byte("\r\n")) {
		return nil
	}
	return errors.New("its lines end with CR LF, and have to end with LF: write *.sql text eol=lf into .gitattributes, and check the file out again")
}

// Check refuses a database whose files cannot be read.
func Check(database string) error {
	_, err := optionsFor(database)
	return err
}

func optionsFor(database string) (migrate.ScannerOptions, error) {
	switch database {
	case dialect.Postgres:
		return migrate.ScannerOptions{MatchBeginAtomic: true, MatchDollarQuote: true, EscapedStringExt: true}, nil
	case dialect.MySQL:
		return migrate.ScannerOptions{BackslashEscapes: true, HashComments: true}, nil
	case dialect.SQLite:
		return migrate.ScannerOptions{}, nil
	default:
		return migrate.ScannerOptions{}, fmt.Errorf("unsupported dialect %q: it has to be %s, %s or %s", database, dialect.Postgres, dialect.MySQL, dialect.SQLite)
	}
}
