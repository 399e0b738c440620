package postgres

import (
	"slices"
	"strings"
)

const insteadOfPrepare = "the next tenant on the connection could read the text; database/sql and the driver prepare statements"

// checkLeft refuses a statement that leaves something on the connection for the
// next tenant there. Temporary tables are the worst of it: their rows are shown to
// whoever comes next, and they hide the table of their name, so that the next one's
// rows are written where the first one reads them.
func checkLeft(w way, head, rest string) error {
	switch head {
	case "PREPARE":
		if isTwoPhase(rest) { // which the server keeps, and not the connection
			return nil
		}
		return refused(head, insteadOfPrepare)
	case "DEALLOCATE", "DISCARD":
		return refused(head, "the prepared statements of the connection are the driver's, for all tenants")
	case "SET", "RESET":
		return checkSet(w, head, rest)
	case "LISTEN":
		return refused(head, "the next tenant on the connection would go on listening; use a connection of your own")
	case "DECLARE":
		if hasWords(rest, "WITH", "HOLD", "FOR") {
			return refused("DECLARE ... WITH HOLD", "the next tenant on the connection could read its rows; leave WITH HOLD out")
		}
		return checkInto(head, rest)
	case "UPDATE", "WITH", "EXPLAIN":
		if containsFold(rest, "pg_settings") && updatesSettings(head, rest) {
			return refused("UPDATE of pg_settings", insteadOfSession)
		}
		return checkInto(head, rest)
	case "SELECT":
		return checkInto(head, rest)
	case "CREATE":
		return checkCreate(rest)
	}
	return nil
}

// stays reports whether a text of a System scope leaves something on the connection
// that a tenant would not be let leave there. What begins or ends a transaction is
// not among it: whether one is open, the server says.
func stays(text string) bool {
	w := way{at: place{system: true}}
	if checkAnywhere(w, text) != nil {
		return true
	}
	for head, rest := range statementsOf(text) {
		if checkLeft(w, head, rest) != nil {
			return true
		}
	}
	return false
}

// updatesSettings looks for UPDATE [ONLY] [(] [pg_catalog .] pg_settings.
func updatesSettings(head, rest string) bool {
	update := head == "UPDATE"
	for token, after := nextToken(rest); token != ""; token, after = nextToken(after) {
		switch {
		case strings.EqualFold(token, "UPDATE"):
			update = true
		case update && isName(token, "pg_settings"):
			return true
		case !strings.EqualFold(token, "ONLY") && token != "(" && token != "." && !isName(token, "pg_catalog"):
			update = false
		}
	}
	return false
}

const insteadOfTemporary = "it would outlive the statement, for the next tenant on the connection; " +
	"use CREATE TEMPORARY TABLE ... ON COMMIT DROP in a transaction, or WITH"

func isTemporary(word string) bool {
	return strings.EqualFold(word, "TEMPORARY") || strings.EqualFold(word, "TEMP")
}

// checkCreate lets pass what is temporary and ends with the transaction, and
// functions, which nobody calls who does not say whose.
func checkCreate(rest string) error {
	what := created(rest)
	if !isTemporary(what) && (isRoutine(what) || !namesTemporary(rest)) {
		return nil
	}
	if isTemporary(what) && hasWords(rest, "ON", "COMMIT", "DROP") {
		return nil
	}
	return refused("CREATE TEMPORARY", insteadOfTemporary)
}

// created returns the word that says what CREATE makes.
func created(rest string) string {
	word, after := nextWord(rest)
	for slices.Contains([]string{"OR", "REPLACE", "LOCAL", "GLOBAL", "RECURSIVE", "UNLOGGED", "MATERIALIZED"}, strings.ToUpper(word)) {
		word, after = nextWord(after)
	}
	return strings.ToUpper(word)
}

func isRoutine(word string) bool {
	return slices.Contains([]string{"FUNCTION", "PROCEDURE", "AGGREGATE"}, word)
}

// checkInto refuses SELECT INTO a temporary table, and CREATE TABLE AS that EXPLAIN
// ANALYZE runs. It looks through a statement only where it has one of the words: most
// do not.
func checkInto(head, rest string) error {
	made := containsFold(rest, "into")
	if !made && head != "EXPLAIN" {
		return nil
	}
	if makesTemporary(head, rest) {
		return refused("SELECT INTO TEMPORARY", insteadOfTemporary)
	}
	if namesTemporary(rest) && (made || hasWords(rest, "CREATE")) {
		return refused("SELECT INTO "+temporary, insteadOfTemporary)
	}
	return nil
}

// makesTemporary looks for INTO or CREATE [LOCAL | GLOBAL] TEMPORARY. INSERT and MERGE
// may go into a table of that name. They are verbs behind a parenthesis that opens, and
// where no SELECT came before outside of parentheses: elsewhere they name a column.
func makesTemporary(head, rest string) bool {
	makes, verb, before := false, false, head
	depth, selects := 0, head == "SELECT"
	for token, after := nextToken(rest); token != ""; token, after = nextToken(after) {
		switch token = strings.ToUpper(token); token {
		case "LOCAL", "GLOBAL":
			continue
		case "(":
			depth++
		case ")":
			depth--
		case "SELECT":
			selects = selects || depth == 0
		}
		if makes && isTemporary(token) {
			return true
		}
		makes = token == "CREATE" || token == "INTO" && !verb
		verb = (token == "INSERT" || token == "MERGE") && (before == "(" || depth == 0 && !selects)
		before = token
	}
	return false
}

// hasWords reports whether a statement has words one after the other, with nothing but
// blanks and comments between.
func hasWords(text string, wanted ...string) bool {
	found := 0
	for token, after := nextToken(text); token != ""; token, after = nextToken(after) {
		if !strings.EqualFold(token, wanted[found]) {
			found = 0
		}
		if strings.EqualFold(token, wanted[found]) {
			if found++; found == len(wanted) {
				return true
			}
		}
	}
	return false
}

// containsFold is strings.Contains without regard to case. The text to look for is
// in lower case and begins with a letter.
func containsFold(text, lower string) bool {
	for i := 0; i+len(lower) <= len(text); i++ {
		if text[i]|0x20 == lower[0] && strings.EqualFold(text[i:i+len(lower)], lower) {
			return true
		}
	}
	return false
}
