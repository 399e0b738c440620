package postgres

import (
	"iter"
	"slices"
	"strings"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// checkScript refuses a text of any number of statements that would take the
// connection out of its tenant's hands.
func checkScript(w way, text string) error {
	if err := checkAnywhere(w, text); err != nil {
		return err
	}
	atomic := false // in the body of an SQL function, which ends with END
	for head, rest := range statementsOf(text) {
		if head == "END" && atomic {
			atomic = false
			continue
		}
		if err := checkHead(w, head, rest, true); err != nil {
			return err
		}
		atomic = atomic || head == "CREATE" && isRoutine(created(rest)) && opensBody(rest)
	}
	return nil
}

// opensBody reports whether a CREATE up to its first semicolon ends within BEGIN ATOMIC
// ... END. A parameter can be begin, of a type atomic, and a body can be empty.
func opensBody(rest string) bool {
	depth, before := 0, ""
	for token, after := nextToken(rest); token != ""; token, after = nextToken(after) {
		switch {
		case token == "(":
			depth++
		case token == ")":
			depth--
		case depth == 0 && strings.EqualFold(before, "BEGIN") && strings.EqualFold(token, "ATOMIC"):
			body, _ := nextToken(after)
			return !strings.EqualFold(body, "END")
		}
		before = token
	}
	return false
}

// checkStatement does the same for a text that the server takes for one
// statement, or refuses.
func checkStatement(w way, text string) error {
	if err := checkAnywhere(w, text); err != nil {
		return err
	}
	head, rest := firstWord(text)
	return checkHead(w, head, rest, false)
}

// checkAnywhere refuses what can stand anywhere in a text.
func checkAnywhere(w way, text string) error {
	if hasEncodedName(text) {
		return refused(`U&"..."`, "it may be any name; write the name itself in quotes")
	}
	return checkSetConfig(w, text)
}

// hasEncodedName reports whether a text has a quoted name with its characters as numbers.
func hasEncodedName(text string) bool {
	if !strings.Contains(text, `&"`) {
		return false
	}
	for text != "" {
		var word string
		if word, text = nextWord(text); strings.EqualFold(word, "U") && strings.HasPrefix(text, `&"`) {
			return true
		}
	}
	return false
}

// checkHead goes by a statement's first word. In a script, PostgreSQL itself
// keeps procedures from ending the transaction.
func checkHead(w way, head, rest string, script bool) error {
	switch head {
	case "ROLLBACK":
		if after := words(rest); len(after) > 0 && (after[0] == "TO" || len(after) > 1 && after[1] == "TO") {
			return nil // a savepoint: ROLLBACK [WORK | TRANSACTION] TO
		}
		return refused(head, "end the transaction by its Rollback method")
	case "BEGIN", "START", "COMMIT", "END", "ABORT":
		return refused(head, "use BeginTx and the methods of the transaction")
	case "PREPARE":
		if isTwoPhase(rest) {
			return refused("PREPARE TRANSACTION", "a tenant's transactions have one phase")
		}
	case "EXECUTE":
		return refused(head, insteadOfPrepare)
	case "COPY":
		return refused(head, "use Raw and the methods CopyFrom of *pgx.Conn or CopyTo of its PgConn")
	case "ALTER":
		return checkAlter(rest)
	case "CALL", "DO":
		if !script && !w.inTx {
			return refused(head, "a COMMIT within would lose the tenant; run it in a transaction, or by Exec without arguments")
		}
	}
	return checkLeft(w, head, rest)
}

// isTwoPhase reports whether what follows PREPARE makes it no statement's.
func isTwoPhase(rest string) bool {
	after := words(rest)
	return len(after) > 0 && after[0] == "TRANSACTION"
}

// checkAlter refuses what is for connections to come.
func checkAlter(rest string) error {
	what := words(rest)
	if len(what) > 1 && slices.Contains([]string{"ROLE", "USER", "GROUP", "DATABASE", "SYSTEM"}, what[0]) && what[1] != "MAPPING" {
		return refused("ALTER "+what[0], "it is for the connections of all tenants; use a System scope")
	}
	return checkInto("ALTER", rest)
}

// isSetting reports whether a statement is SET, of which only SET LOCAL, SET
// TRANSACTION and SET CONSTRAINTS pass [checkStatement].
func isSetting(text string) bool {
	head, _ := firstWord(text)
	return head == "SET"
}

// isOfCursor reports whether the columns of a statement are those of a cursor, which
// may be another one of that name the next time.
func isOfCursor(text string) bool {
	head, _ := firstWord(text)
	return head == "FETCH" || head == "MOVE"
}

// words returns the first two words of text in upper case.
func words(text string) []string {
	var found []string
	for len(found) < 2 {
		text = sqltext.Postgres.SkipBlank(text)
		n := wordLength(text)
		if n == 0 {
			break
		}
		found = append(found, strings.ToUpper(text[:n]))
		text = text[n:]
	}
	return found
}

// statementsOf yields each statement of text: its first word in upper case, and
// what follows that in the statement. Semicolons in literals, quoted names,
// comments and dollar quotes do not end a statement.
func statementsOf(text string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for text != "" {
			head, rest := firstWord(text)
			text = skipStatement(rest)
			if !yield(head, rest[:len(rest)-len(text)]) {
				return
			}
		}
	}
}

// firstWord returns the first word of the first statement in upper case, and
// what follows it. It is empty where the statement begins with something else.
func firstWord(text string) (head, rest string) {
	for {
		text = sqltext.Postgres.SkipBlank(text)
		if text == "" || text[0] != ';' && text[0] != '(' {
			break
		}
		text = text[1:]
	}
	n := wordLength(text)
	return strings.ToUpper(text[:n]), text[n:]
}

// skipStatement returns what follows the semicolon that ends the statement.
func skipStatement(text string) string {
	for {
		var word string
		if word, text = nextWord(text); word == "" {
			return text
		}
	}
}

// nextWord returns the next word of a statement outside of literals, quoted names
// and comments, and what follows it. The word is empty at the end of the
// statement, and what follows is the next one.
func nextWord(text string) (word, rest string) {
	for {
		if word, text = nextToken(text); word == "" || wordLength(word) > 0 {
			return word, text
		}
	}
}

// nextToken returns the next word of a statement, its next quoted name or literal with
// the quotes, or any other character as itself, and what follows it. Blanks and comments
// are passed over. It is empty at the end of the statement, as that of nextWord.
func nextToken(text string) (token, rest string) {
	for text != "" {
		switch c := text[0]; {
		case c == ';':
			return "", text[1:]
		case c <= ' ':
			text = text[1:]
		case strings.HasPrefix(text, "--"), strings.HasPrefix(text, "/*"):
			text = sqltext.Postgres.SkipBlank(text)
		case (c == 'e' || c == 'E') && strings.HasPrefix(text[1:], "'"):
			rest = skipEscaped(text[2:])
			return text[1 : len(text)-len(rest)], rest
		default:
			rest = skipToken(text)
			return text[:len(text)-len(rest)], rest
		}
	}
	return "", ""
}

func skipToken(text string) string {
	switch c := text[0]; c {
	case '\'', '"':
		return skipQuoted(text[1:], c)
	case '$':
		return skipDollar(text)
	default:
		return text[max(1, wordLength(text)):]
	}
}

// isName reports whether a token is a name, in quotes or without.
func isName(token, lower string) bool {
	if inside, quoted := strings.CutPrefix(token, `"`); quoted {
		return strings.TrimSuffix(inside, `"`) == lower
	}
	return strings.EqualFold(token, lower)
}

// skipQuoted goes past the closing quote. A doubled one reads as the end of one
// literal and the beginning of the next, which is as good.
func skipQuoted(text string, quote byte) string {
	if i := strings.IndexByte(text, quote); i >= 0 {
		return text[i+1:]
	}
	return ""
}

// skipEscaped goes past the closing quote of a literal in which backslashes count. They
// do beyond a doubled quote, and where it goes on in another line.
func skipEscaped(text string) string {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '\'':
			rest := text[i+1:]
			more := rest
			if !strings.HasPrefix(rest, "'") {
				more = sqltext.Continued(rest)
			}
			if more == "" {
				return rest
			}
			i = len(text) - len(more)
		}
	}
	return ""
}

// skipDollar goes past a dollar-quoted text, or past the dollar of a parameter.
func skipDollar(text string) string {
	end := strings.IndexByte(text[1:], '$')
	if end < 0 {
		return text[1:]
	}
	name, opening := text[1:1+end], text[:end+2]
	if name != "" && (isDigit(name[0]) || wordLength(name) != len(name)) {
		return text[1:]
	}
	_, after, _ := strings.Cut(text[len(opening):], opening)
	return after
}

// wordLength is the length of the identifier, keyword or number at the beginning of text.
func wordLength(text string) int {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
		if !letter && !isDigit(c) && (c != '$' || n == 0) {
			break
		}
		n++
	}
	return n
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
