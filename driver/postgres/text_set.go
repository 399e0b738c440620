package postgres

import "strings"

const insteadOfSession = "it would outlive the statement; use SET LOCAL, or set_config with true, in a transaction"

// checkSet lets pass what ends with the transaction, and does not change whose it is.
func checkSet(w way, head, rest string) error {
	if after := words(rest); head == "SET" && len(after) > 0 {
		switch after[0] {
		case "LOCAL":
			name, _, _ := strings.Cut(rest, "=")
			if w.owns(name) || w.at.schema != "" && len(after) > 1 && after[1] == "SCHEMA" {
				return refusedOwn("SET LOCAL")
			}
			return nil
		case "TRANSACTION", "CONSTRAINTS":
			return nil
		}
	}
	return refused(head+" of a session setting", insteadOfSession)
}

const setConfig = "set_config"

// checkSetConfig lets pass calls of the function that end with the transaction, as
// far as the text says so, and do not change whose it is. Literals, comments and
// the bodies of functions are not looked at.
func checkSetConfig(w way, text string) error {
	if indexOfSetConfig(text) < 0 {
		return nil
	}
	for rest, quoted := text, true; quoted; {
		if _, rest, quoted = strings.Cut(rest, `"`+setConfig+`"`); quoted {
			if err := checkCall(w, rest); err != nil {
				return err
			}
		}
	}
	for text != "" {
		var word string
		if word, text = nextWord(text); !strings.EqualFold(word, setConfig) {
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
	call, ok := strings.CutPrefix(strings.TrimLeft(text, " \t\r\n"), "(")
	if !ok {
		return nil // another thing of that name
	}
	arguments := argumentsOf(call)
	if len(arguments) == 0 || w.owns(arguments[0]) {
		return refusedOwn(setConfig)
	}
	if len(arguments) != 3 || arguments[2] != "true" {
		return refused(setConfig+" without true", insteadOfSession)
	}
	return nil
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
// far as its closing parenthesis. What it takes for something else is not true, and refused.
func argumentsOf(call string) (arguments []string) {
	depth, start := 0, 0
	end := func(i int) {
		arguments = append(arguments, strings.ToLower(strings.Join(strings.Fields(call[start:i]), "")))
		start = i + 1
	}
	for i := 0; i < len(call); i++ {
		switch c := call[i]; c {
		case '\'', '"':
			i = len(call) - len(skipQuoted(call[i+1:], c, false)) - 1
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

// owns reports whether text names a setting that says whose a statement is.
func (w way) owns(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), ""))
	return strings.Contains(text, Setting) || w.at.schema != "" && strings.Contains(text, "search_path")
}

func refusedOwn(what string) error {
	return refused(what+" of "+Setting+" or a tenant's search_path",
		"what follows would be another tenant's; give the statements of each tenant a context of its own")
}
