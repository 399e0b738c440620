package migrate

import (
	"regexp"
	"slices"
	"strings"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// effect is what a statement does to the things that it is about. It says what an
// error means when a statement that may have been executed is executed again.
type effect int

const (
	unclear effect = iota
	creates        // CREATE: fails again with that it is there
	drops          // DROP: fails again with that it is not there
	adds           // ALTER .. ADD, to a thing that has to be there
	removes        // ALTER .. DROP, and DROP .. ON, from a thing that has to be there
)

// wordsOf returns a statement in one form: its words in upper case and without its
// comments, a quoted name or text as a quote, and one space between them.
func wordsOf(syntax sqltext.Syntax, text string) string {
	return strings.Join(slices.Collect(syntax.Tokens(text)), " ")
}

// unnamed finds what is added a second time when a statement is executed again,
// because the database makes up a name for it. MySQL does so for a foreign key
// whose index has a name.
var unnamed = regexp.MustCompile(`^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?ON |^CREATE STATISTICS (\(|ON )|` +
	`\bADD (CONSTRAINT )?(FOREIGN KEY |((UNIQUE|FULLTEXT|SPATIAL|VECTOR) )?(INDEX|KEY|UNIQUE|CHECK|PRIMARY KEY|EXCLUDE)?` +
	`( IF NOT EXISTS)?( NULLS( NOT)? DISTINCT)?( USING \w+)? ?\()`)

// moving finds what does something else when it is executed again: a name that is
// another thing's now, a value made of the one that was made before, a number of
// partitions more or less.
var moving = regexp.MustCompile(`\bRENAME\b|\bTYPE\b.*\bUSING\b|\bADD PARTITION( IF NOT EXISTS)? PARTITIONS\b|\bCOALESCE PARTITION\b`)

// repeatable reports whether a statement, which is a single one, fails in a way that
// says so, or does nothing, when it was executed and is executed again.
func repeatable(syntax sqltext.Syntax, words string) bool {
	switch firstWord(words) {
	case "CREATE":
		return !unnamed.MatchString(words)
	case "ALTER":
		return !unnamed.MatchString(words) && !moving.MatchString(words)
	case "DROP", "VACUUM", "ANALYZE", "REINDEX", "PRAGMA":
		return true
	case "SET", "RESET":
		return ofConnection(syntax, words)
	default:
		return false
	}
}

var (
	addition = regexp.MustCompile(`\bADD\b`)
	removal  = regexp.MustCompile(`\bDROP\b`)
	from     = regexp.MustCompile(`\bON\b`)
)

// effectOf is unclear for what both adds and drops, whose error may be about either.
func effectOf(words string) effect {
	switch firstWord(words) {
	case "CREATE":
		return creates
	case "DROP":
		if from.MatchString(words) {
			return removes
		}
		return drops
	case "ALTER":
		switch added, dropped := addition.MatchString(words), removal.MatchString(words); {
		case added && !dropped:
			return adds
		case dropped && !added:
			return removes
		}
	}
	return unclear
}
