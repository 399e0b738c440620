package postgres

import "strings"

// checkSet lets pass what ends with the transaction, and does not change whose it is.
func checkSet(w way, head, rest string) error {
	if after := words(rest); head == "SET" && len(after) > 0 {
		switch after[0] {
		case "LOCAL":
			statement := rest[:len(rest)-len(skipStatement(rest))]
			if names := w.ownSettings(statement); names || w.at.schema != "" && len(after) > 1 && after[1] == "SCHEMA" {
				return refusedOwn("SET LOCAL")
			}
			return nil
		case "TRANSACTION", "CONSTRAINTS":
			return nil
		}
	}
	instead := "it would outlive the statement; use SET LOCAL"
	if !w.inTx {
		instead += " in a transaction"
	}
	return refused(head+" of a session setting", instead)
}

// checkSetConfig refuses the function where it is called by name for a setting that
// is ours.
func checkSetConfig(w way, text string) error {
	const function = "set_config"
	if !strings.Contains(text, function) && !strings.Contains(text, "SET_CONFIG") { // as people write it
		return nil
	}
	calls := strings.Split(strings.ToLower(text), function)
	for _, call := range calls[1:] {
		name, _, _ := strings.Cut(call, ",")
		if w.ownSettings(name) {
			return refusedOwn(function)
		}
	}
	return nil
}

// ownSettings reports whether text names a setting that says whose a statement is.
func (w way) ownSettings(text string) bool {
	text = strings.ToLower(strings.Join(strings.Fields(text), ""))
	return strings.Contains(text, Setting) || w.at.schema != "" && strings.Contains(text, "search_path")
}

func refusedOwn(what string) error {
	return refused(what+" of "+Setting+" or a tenant's search_path",
		"what follows would be another tenant's; give the statements of each tenant a context of its own")
}
