package postgres

import (
	"slices"
	"strings"
)

// checkLeft refuses a statement that leaves something on the connection for the
// next tenant there. Temporary tables are the worst of it: their rows are shown to
// whoever comes next, and they hide the table of their name, so that the next one's
// rows are written where the first one reads them.
func checkLeft(head, rest string) error {
	switch head {
	case "LISTEN":
		return refused(head, "the next tenant on the connection would go on listening; use a connection of your own")
	case "DECLARE":
		if hasWords(rest, []string{"WITH"}, []string{"HOLD"}) {
			return refused("DECLARE ... WITH HOLD", "the next tenant on the connection could read its rows; leave WITH HOLD out")
		}
	case "CREATE":
		return checkCreate(rest)
	case "EXPLAIN": // ANALYZE runs it
		if hasWords(rest, []string{"CREATE", "LOCAL", "GLOBAL"}, temporary()) {
			return refused("CREATE TEMPORARY", insteadOfTemporary)
		}
	}
	if selectsIntoTemporary(rest) {
		return refused("SELECT INTO TEMPORARY", insteadOfTemporary)
	}
	return nil
}

// selectsIntoTemporary looks through a statement only where it has the word, in
// the way that people write it: most do not.
func selectsIntoTemporary(rest string) bool {
	into := []string{"INTO"}
	return (strings.Contains(rest, "INTO") || strings.Contains(rest, "into")) && hasWords(rest, into, temporary()) &&
		!hasWords(rest, []string{"INSERT", "MERGE"}, into, temporary()) // a table of that name
}

const insteadOfTemporary = "it would outlive the statement, for the next tenant on the connection; " +
	"use CREATE TEMPORARY TABLE ... ON COMMIT DROP in a transaction, or WITH"

func temporary() []string { return []string{"TEMPORARY", "TEMP"} }

// checkCreate lets pass what is temporary and ends with the transaction.
func checkCreate(rest string) error {
	word, after := nextWord(rest)
	for slices.Contains([]string{"OR", "REPLACE", "LOCAL", "GLOBAL", "RECURSIVE", "UNLOGGED", "MATERIALIZED"}, strings.ToUpper(word)) {
		word, after = nextWord(after)
	}
	word = strings.ToUpper(word)
	switch {
	case slices.Contains(temporary(), word):
	case slices.Contains([]string{"TABLE", "VIEW", "SEQUENCE"}, word) && hasWords(after, []string{"PG_TEMP"}):
	default:
		return nil
	}
	if hasWords(rest, []string{"ON"}, []string{"COMMIT"}, []string{"DROP"}) {
		return nil
	}
	return refused("CREATE TEMPORARY", insteadOfTemporary)
}

// hasWords reports whether a statement has words one after the other, each one of
// those given for its place.
func hasWords(text string, wanted ...[]string) bool {
	found := 0
	for {
		var word string
		if word, text = nextWord(text); word == "" {
			return false
		}
		if !slices.Contains(wanted[found], strings.ToUpper(word)) {
			found = 0
		}
		if slices.Contains(wanted[found], strings.ToUpper(word)) {
			if found++; found == len(wanted) {
				return true
			}
		}
	}
}
