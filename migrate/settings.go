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
// It leaves out a variable whose value is not in the file: what that has come from may be
// gone. So may the role of a SET ROLE, whose failure is none if the file has reset it since.
// It fails where what is left reads a variable, or may need a setting, that may not get the
// same value again.
func (s *steps) settings(ctx context.Context) error {
	if err := s.sameVariables(); err != nil {
		return s.at(err)
	}
	syntax := s.engine.syntax()
	for i, one := range s.file.statements[:s.record.Applied] {
		words := wordsOf(syntax, one.text)
		if one.one && unsure(syntax, words) {
			return s.at(fmt.Errorf("migrate: line %d has set in an earlier run what may not get the same value again: %s", one.line, byHand))
		}
		if !one.one || !isSetting(syntax, words) || setsVariables(words) && !constant(words) {
			continue
		}
		if _, err := s.conn.ExecContext(ctx, one.text); err != nil && !s.setSince(i) {
			return s.at(fmt.Errorf("migrate: line %d has to be executed again before the file goes on: %s: %w", one.line, byHand, err))
		}
	}
	return nil
}

// byHand is what to do where a connection cannot be made as the one before was.
const byHand = "execute what is left of the file by hand, and say so with Repair, once for each statement"

// named finds what a SET or RESET is about. SET LOCAL does nothing outside of a transaction.
var named = regexp.MustCompile(`^(?:SET|RESET) (?:SESSION )?([\w$]+(?: \. [\w$]+)*)(?: [^,]*)?$`)

// setSince reports whether the setting at i has been made anew, or been reset, after it.
func (s *steps) setSince(i int) bool {
	name := func(one statement) string {
		match := named.FindStringSubmatch(wordsOf(s.engine.syntax(), one.text))
		if !one.one || match == nil || match[1] == "LOCAL" {
			return ""
		}
		return match[1]
	}
	it := name(s.file.statements[i])
	return it != "" && slices.ContainsFunc(s.file.statements[i+1:s.record.Applied], func(one statement) bool { return name(one) == it })
}

// configured finds calls of set_config whose values are in the file.
var configured = regexp.MustCompile(`^SELECT( ,? ?(PG_CATALOG \. )?SET_CONFIG \(([^()]|CURRENT_SETTING \( ' \))*\)( AS \w+)?)+( ;)?$`)

// unsure reports whether a statement sets what may be another value if it is executed
// again, or something of the connection together with what outlives it.
func unsure(syntax sqltext.Syntax, words string) bool {
	switch {
	case syntax == sqltext.Postgres && firstWord(words) == "SELECT" && strings.Contains(words, "SET_CONFIG ("):
		return !configured.MatchString(words) || slices.ContainsFunc(strings.Fields(words), ofClock)
	case syntax == sqltext.MySQL && firstWord(words) == "SET" && strings.Contains(words, ","):
		return listed.MatchString(words)
	default:
		return false
	}
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

// listed finds, in a list, what changes more than a connection.
var listed = regexp.MustCompile(assigns)

// assigns is an assignment of MySQL to a variable of the server.
const assigns = `(^SET|,) (@ @ )?(GLOBAL|PERSIST|PERSIST_ONLY) (\. )?\S+ (\. \S+ )?(: )?=`

// outliving finds the SET of MySQL and MariaDB that changes more than its connection: the
// server, an account, or rows, which SET STATEMENT .. FOR can.
var outliving = regexp.MustCompile(`^SET (STATEMENT|PASSWORD|DEFAULT ROLE|RESOURCE GROUP|GLOBAL|PERSIST|PERSIST_ONLY)\b|` + assigns)

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
		setting := one.one && isSetting(sqltext.MySQL, words)
		again := setting && constant(words)
		for _, name := range read {
			if lost[name] && (i >= s.record.Applied || setting && !setsVariables(words)) {
				return fmt.Errorf("migrate: line %d reads @%s, which an earlier run has set, and which may not get the same value again: "+
					"%s; or, if no tenant has finished the file, write the value into it, and hash the directory again",
					one.line, strings.ToLower(name), byHand)
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
		return slices.Contains([]string{"(", "SELECT", "IDENTITY", "LAST_INSERT_ID", "INSERT_ID", "TIMESTAMP", "GLOBAL", "NEXT", "PREVIOUS"}, word) || ofClock(word) ||
			strings.HasPrefix(word, "CURRENT_") || strings.HasPrefix(word, "UTC_")
	}
	return firstWord(words) == "SET" && !slices.ContainsFunc(strings.Fields(words), varies)
}

// ofClock reports whether a word without parentheses is the time.
func ofClock(word string) bool {
	return strings.HasPrefix(word, "LOCALTIME") || strings.HasPrefix(word, "CURRENT_DATE") || strings.HasPrefix(word, "CURRENT_TIME")
}

// setsVariables reports whether SET sets nothing but variables of MySQL's.
func setsVariables(words string) bool {
	depth, tokens := 0, strings.Fields(words)
	for i, token := range tokens {
		switch token {
		case "(":
			depth++
		case ")":
			depth--
		}
		if (i == 0 || token == "," && depth == 0) && (i+2 >= len(tokens) || tokens[i+1] != "@" || tokens[i+2] == "@") {
			return false
		}
	}
	return firstWord(words) == "SET"
}
