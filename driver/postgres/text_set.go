package postgres

import (
	"strings"

	"github.com/entenancy/tenancy/internal/sqltext"
)

const insteadOfSession = "it would outlive the statement; use SET LOCAL, or set_config with true, in a transaction"

// checkSet lets pass what ends with the transaction, and does not change whose it is.
func checkSet(w way, head, rest string) error {
	what, after := firstWord(rest)
	custom := strings.HasPrefix(sqltext.Postgres.SkipBlank(after), ".") // a setting such as transaction.a
	switch {
	case head != "SET" || custom:
	case what == "LOCAL":
		return checkSetLocal(w, after)
	case what == "TRANSACTION", what == "CONSTRAINTS":
		return nil
	}
	return refused(head+" of a session setting", insteadOfSession)
}

func checkSetLocal(w way, text string) error {
	switch name, plain := settingAfter(text); {
	case !plain || w.owns(name):
		return refusedOwn("SET LOCAL")
	case isPath(name):
		_, value := nextToken(text)
		schemas, plain := schemasSet(value)
		return checkPath("SET LOCAL", schemas, plain)
	}
	return nil
}

// settingAfter returns the name of the setting at the beginning of text, as the server
// reads it: in quotes or without, with blanks and comments around its dots. It is not
// plain where it is written in yet another way.
func settingAfter(text string) (name string, plain bool) {
	for {
		token, after := nextToken(text)
		inside, opened := strings.CutPrefix(token, `"`)
		inside, closed := strings.CutSuffix(inside, `"`)
		switch {
		case opened != closed, opened && strings.HasPrefix(after, `"`), !opened && wordLength(token) == 0:
			return "", false // no end, a quote in the name, or no name
		}
		name += inside
		text = sqltext.Postgres.SkipBlank(after)
		if !strings.HasPrefix(text, ".") {
			return name, true
		}
		name, text = name+".", text[1:]
	}
}

const setConfig = "set_config"

// checkSetConfig lets pass calls of the function that end with the transaction, as
// far as the text says so, and do not change whose it is. Literals, comments and
// the bodies of functions are not looked at.
func checkSetConfig(w way, text string) error {
	if indexOfSetConfig(text) < 0 {
		return nil
	}
	for text != "" {
		var token string
		if token, text = nextToken(text); !isName(token, setConfig) {
			continue
		}
		if err := checkCall(w, text); err != nil {
			return err
		}
	}
	return nil
}

// checkCall looks at what follows the function's name.
func checkCall(w way, text string) error {
	call, ok := strings.CutPrefix(sqltext.Postgres.SkipBlank(text), "(")
	if !ok {
		return nil // another thing of that name
	}
	arguments := argumentsOf(call)
	if len(arguments) != 3 || arguments[2] != "true" {
		return refused(setConfig+" without true", insteadOfSession)
	}
	switch name, plain := literalIn(arguments[0]); {
	case !plain && strings.Contains(arguments[1], temporary):
		return refusedPath(setConfig)
	case !plain && !w.at.system: // there it ends with the transaction, whatever it sets
		return refused(setConfig+" of a setting that the text does not name", "it may be the tenant's own; write its name as a literal, as in 'app.user'")
	case w.owns(name):
		return refusedOwn(setConfig)
	case isPath(name):
		schemas, plain := schemasIn(arguments[1])
		return checkPath(setConfig, schemas, plain)
	}
	return nil
}

// literalIn returns what an argument is that is given as a literal. It is not plain
// where it is put together or bound, or written in yet another way.
func literalIn(argument string) (value string, plain bool) {
	inside, opened := strings.CutPrefix(strings.TrimSuffix(argument, "::text"), "'")
	value, closed := strings.CutSuffix(inside, "'")
	return value, opened && closed && !strings.ContainsAny(value, `'\`)
}

// indexOfSetConfig looks for the underscore, which few statements have many of.
func indexOfSetConfig(text string) int {
	const before = len("set")
	for from := 0; ; from++ {
		i := strings.IndexByte(text[from:], '_')
		if i < 0 {
			return -1
		}
		from += i
		if start := from - before; start >= 0 && start+len(setConfig) <= len(text) && strings.EqualFold(text[start:start+len(setConfig)], setConfig) {
			return start
		}
	}
}

// argumentsOf returns the arguments of a call in lower case and without blanks, as
// far as its closing parenthesis, and none where it cannot tell them apart. What it
// takes for something else is not true, and refused.
func argumentsOf(call string) (arguments []string) {
	depth, start := 0, 0
	end := func(i int) {
		arguments = append(arguments, strings.ToLower(strings.Join(strings.FieldsFunc(call[start:i], isBlank), "")))
		start = i + 1
	}
	for i := 0; i < len(call); i++ {
		switch c := call[i]; c {
		case '\'', '"':
			rest := skipQuoted(call[i+1:], c)
			if c == '\'' && i > 0 && call[i-1]|0x20 == 'e' && (i == 1 || wordLength(call[i-2:i-1]) == 0) { // E'...'
				rest = skipEscaped(call[i+1:])
			}
			i = len(call) - len(rest) - 1
		case '$':
			if after := call[i+1:]; after == "" || !isDigit(after[0]) { // $$
				return nil
			}
		case '-', '/':
			if strings.HasPrefix(call[i:], "--") || strings.HasPrefix(call[i:], "/*") {
				return nil
			}
		case '(', '[':
			depth++
		case ')', ']':
			if depth == 0 {
				end(i)
				return arguments
			}
			depth--
		case ',':
			if depth == 0 {
				end(i)
			}
		}
	}
	return nil
}

// isBlank reports whether every server takes a character for a blank. Not all take the
// vertical tab for one. Those beyond ASCII are letters to all of them.
func isBlank(c rune) bool { return strings.ContainsRune(" \t\n\r\f", c) }

// owns reports whether a setting says whose a statement is.
func (w way) owns(setting string) bool {
	return !w.at.system && strings.EqualFold(setting, Setting) || w.at.schema != "" && isPath(setting)
}

func refusedOwn(what string) error {
	return refused(what+" of "+Setting+" or a tenant's search_path",
		"what follows would be another tenant's; give the statements of each tenant a context of its own")
}
