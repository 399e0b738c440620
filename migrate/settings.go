package migrate

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// settings makes those settings and variables again that the file has made on another
// connection, before it goes on on this one: a file of SQLite that was left between
// PRAGMA foreign_keys = off and DROP TABLE would otherwise delete the rows that refer to
// the table, and one of MySQL write NULL for a variable.
//
// It fails where what is left reads a variable that may not get the same value again.
func (s *steps) settings(ctx context.Context) error {
	if err := s.sameVariables(); err != nil {
		return s.at(err)
	}
	for _, one := range s.file.statements[:s.record.Applied] {
		if !one.one || !isSetting(s.engine.syntax(), wordsOf(s.engine.syntax(), one.text)) {
			continue
		}
		if _, err := s.conn.ExecContext(ctx, one.text); err != nil {
			return fmt.Errorf("migrate: %s:%d has to be executed again before the file goes on: %w", s.file.Name(), one.line, err)
		}
	}
	return nil
}

// isSetting reports whether a statement, which is a single one, does nothing but to say
// how a connection does what comes after it.
func isSetting(syntax sqltext.Syntax, words string) bool {
	switch firstWord(words) {
	case "SET", "RESET":
		return ofConnection(syntax, words)
	case "PRAGMA":
		return true
	case "SELECT":
		return strings.Contains(words, "SET_CONFIG (")
	default:
		return false
	}
}

// outliving finds the SET of MySQL and MariaDB that changes more than its connection: the
// server, an account, or rows, which SET STATEMENT .. FOR can.
var outliving = regexp.MustCompile(`^SET (STATEMENT|PASSWORD|DEFAULT ROLE|RESOURCE GROUP|GLOBAL|PERSIST|PERSIST_ONLY)\b|` +
	`(^SET|,) (@ @ )?(GLOBAL|PERSIST|PERSIST_ONLY) (\. )?\S+ (\. \S+ )?(: )?=`)

// ofConnection reports whether what SET or RESET changes ends with the connection. RESET
// of MySQL empties logs and caches of the server.
func ofConnection(syntax sqltext.Syntax, words string) bool {
	return syntax != sqltext.MySQL || firstWord(words) == "SET" && !outliving.MatchString(words)
}

// sameVariables fails where a statement that is left reads a variable of MySQL's whose
// value is not in the file, but has come from rows, from a function or from the clock.
func (s *steps) sameVariables() error {
	if s.engine.syntax() != sqltext.MySQL {
		return nil
	}
	lost := map[string]bool{}
	for i, one := range s.file.statements {
		words := wordsOf(sqltext.MySQL, one.text)
		set, read := variablesOf(one, words)
		again := one.one && isSetting(sqltext.MySQL, words) && constant(words)
		for _, name := range read {
			if lost[name] && i >= s.record.Applied {
				return fmt.Errorf("migrate: line %d reads @%s, which an earlier run has set, and which may not get the same value again: "+
					"write the value into the statements that are left, and hash the directory again; "+
					"or execute what is left by hand, and say so with Repair", one.line, strings.ToLower(name))
			}
			again = again && !lost[name]
		}
		for _, name := range set {
			lost[name] = i < s.record.Applied && !again
		}
	}
	return nil
}

// variablesOf tells which variables a statement of MySQL sets, and which it reads. All
// whose names are quoted count as one, which is read wherever it is set, and so do those
// of a statement that is neither SET nor changes tables or rows, or that is several.
func variablesOf(one statement, words string) (set, read []string) {
	tokens, kind := strings.Fields(words), firstWord(words)
	if !one.one {
		kind = ""
	}
	into := 0 // the variable that was last after INTO
	for i := 1; i+1 < len(tokens); i++ {
		if tokens[i] != "@" || ofAccount(tokens, i) || one.one && accounts.MatchString(words) {
			continue
		}
		name, before, after := tokens[i+1], tokens[i-1], strings.Join(tokens[i+2:min(i+4, len(tokens))], " ")
		if before == "INTO" || before == "," && into > 0 && into == i-3 { // INTO @a, @b
			into = i
		}
		switch {
		case name == "@": // of the server
			i++
		case into == i || strings.HasPrefix(after, ": =") || kind == "SET" && (before == "SET" || before == ",") && strings.HasPrefix(after, "="):
			set = append(set, name)
			if strings.Contains("'`\"", name) {
				read = append(read, name)
			}
		case slices.Contains([]string{"SET", "INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "ALTER", "DROP"}, kind):
			read = append(read, name)
		default:
			set, read = append(set, name), append(read, name)
		}
	}
	return set, read
}

// accounts finds a statement that names accounts, with or without quotes, and no variables.
var accounts = regexp.MustCompile(`^(GRANT|REVOKE|RENAME USER|SET (PASSWORD|DEFAULT ROLE|ROLE)|(CREATE( OR REPLACE)?|ALTER|DROP) (USER|ROLE))\b`)

// ofAccount reports whether the @ at i is that of 'user'@'host', and not of a variable,
// which comes after no name or text in quotes.
func ofAccount(tokens []string, i int) bool {
	return strings.Contains("'`\"", tokens[i-1]) || i > 2 && tokens[i-2] == "=" && tokens[i-3] == "DEFINER"
}

// constant reports whether SET gives its variables the same values whenever a connection
// executes it.
func constant(words string) bool {
	varies := func(word string) bool {
		return slices.Contains([]string{"(", "SELECT", "IDENTITY", "LAST_INSERT_ID", "INSERT_ID", "TIMESTAMP", "GLOBAL", "NEXT", "PREVIOUS"}, word) ||
			strings.HasPrefix(word, "CURRENT_") || strings.HasPrefix(word, "LOCALTIME") || strings.HasPrefix(word, "UTC_")
	}
	return firstWord(words) == "SET" && !slices.ContainsFunc(strings.Fields(words), varies)
}
