package sqlite

import (
	sqldriver "database/sql/driver"
	"os"
	"slices"
)

// opened are the files of a connection, as they were before it opened them. A
// connection goes on with its files when they have been removed, or when others
// have been put in their places: it would serve a tenant that was erased, or what
// was there before a backup came back, and what it writes is lost.
type opened []openedFile

type openedFile struct {
	path string
	info os.FileInfo
}

// look adds a file that is about to be opened.
func (o *opened) look(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return reasonOf(err)
	}
	*o = append(*o, openedFile{path, info})
	return nil
}

// check fails if a path names another file now, or none: database/sql then opens
// another connection. No new file is taken for the one that is open, since that
// keeps its number as long as it is.
func (o opened) check() error {
	if slices.ContainsFunc(o, openedFile.isGone) {
		return sqldriver.ErrBadConn
	}
	return nil
}

func (f openedFile) isGone() bool {
	now, err := os.Stat(f.path)
	return err != nil || !os.SameFile(f.info, now)
}
