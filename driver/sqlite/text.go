package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/sqltext"
)

func passes(context.Context, string, bool) error { return nil }

// check refuses what reaches other files, and to tenants what would stay on the
// connection.
func check(ctx context.Context, query string, inTx bool) error {
	scope, err := tenancy.ScopeFromContext(ctx)
	tenant := err == nil && !scope.System()
	trigger := false // END is that of a trigger's body
	for tokens := range sqltext.SQLite.Statements(query) {
		if tokens[0] == "END" && trigger {
			trigger = false
			continue
		}
		if err := checkFile(tokens); err != nil {
			return err
		}
		if tenant {
			if err := checkSession(tokens, inTx); err != nil {
				return err
			}
		}
		trigger = trigger || createsTrigger(tokens)
	}
	return nil
}

// createsTrigger reports whether a statement is CREATE [TEMP | TEMPORARY] TRIGGER.
func createsTrigger(tokens []string) bool {
	if tokens[0] != "CREATE" {
		return false
	}
	what := tokens[1:]
	if len(what) > 0 && (what[0] == "TEMP" || what[0] == "TEMPORARY") {
		what = what[1:]
	}
	return len(what) > 0 && what[0] == "TRIGGER"
}

// stays reports whether a System scope makes something temporary, which would hide
// the table of its name from the tenants that have the connection after it. What it
// sets by PRAGMA hides nothing, and a migration sets in one statement what it needs
// in the next.
func stays(ctx context.Context, query string) bool {
	if scope, err := tenancy.ScopeFromContext(ctx); err == nil && !scope.System() {
		return false // to a tenant it was refused
	}
	for tokens := range sqltext.SQLite.Statements(query) {
		if tokens[0] == "CREATE" && isTemporary(tokens) {
			return true
		}
	}
	return false
}

// spent refuses a tenant the connection on which a System scope has made something
// temporary: what the tenant writes would go there, for the next one to read.
func spent(ctx context.Context) error {
	if scope, err := tenancy.ScopeFromContext(ctx); err == nil && !scope.System() {
		return refused("a System scope has made something temporary on this connection", "take another one for the tenant")
	}
	return nil
}

// checkFile refuses what reaches other files.
func checkFile(tokens []string) error {
	const instead = "it reaches another file; do it in a tenancy.System scope, with Files.System as driver.Config.System"
	switch head := tokens[0]; {
	case head == "ATTACH", head == "DETACH":
		return refused(head, instead)
	case head == "VACUUM" && slices.Contains(tokens, "INTO"):
		return refused("VACUUM INTO", instead)
	}
	return nil
}

// checkSession refuses what begins or ends a transaction, or outlives it.
func checkSession(tokens []string, inTx bool) error {
	switch head := tokens[0]; head {
	case "BEGIN", "COMMIT", "END":
		return refused(head, "use ent's Tx or BeginTx, and the methods of the transaction")
	case "ROLLBACK":
		if !sqltext.RollsBackTo(tokens) {
			return refused(head, "end the transaction by its Rollback method")
		}
	case "SAVEPOINT":
		if !inTx {
			return refused(head, "outside of a transaction it begins one; use ent's Tx or BeginTx")
		}
	case "CREATE":
		if isTemporary(tokens) {
			return refused("CREATE TEMPORARY", "it outlives its statement, and hides the table of its name from the next tenant; use WITH, or a table of the tenant's, and no quotes around main")
		}
	case "PRAGMA":
		return checkPragma(tokens[1:], inTx)
	case "EXPLAIN":
		if slices.Contains(tokens[1:min(4, len(tokens))], "PRAGMA") { // behind QUERY PLAN, if that is there
			return refused("EXPLAIN PRAGMA", "it does what the PRAGMA does")
		}
	}
	return nil
}

// isTemporary reports whether CREATE makes something in the schema temp, or in one
// whose name is in quotes: that may be any.
func isTemporary(tokens []string) bool {
	name := tokens[1:]
	for len(name) > 0 && slices.Contains([]string{"UNIQUE", "VIRTUAL", "TABLE", "VIEW", "INDEX", "TRIGGER", "IF", "NOT", "EXISTS"}, name[0]) {
		name = name[1:]
	}
	switch {
	case len(tokens) > 1 && (tokens[1] == "TEMP" || tokens[1] == "TEMPORARY"):
		return true
	case len(name) < 2 || name[1] != ".":
		return false
	}
	return name[0] == "TEMP" || slices.Contains([]string{`"`, "`", "[", "'"}, name[0])
}

// checkPragma lets pass what reads, and what acts on the file alone. Tokens are
// [schema .] name [= value | (value)].
func checkPragma(tokens []string, inTx bool) error {
	if len(tokens) > 2 && tokens[1] == "." {
		tokens = tokens[2:]
	}
	switch {
	case len(tokens) < 2: // no value
		return nil
	case slices.Contains(pragmas(), tokens[0]):
		return nil
	case inTx && tokens[0] == "DEFER_FOREIGN_KEYS": // until the transaction ends
		return nil
	}
	return refused("PRAGMA with a value", "it would stay on the connection; use Config.Parameters, or a System scope")
}

// pragmas are those that take a value and leave the connection as it is.
func pragmas() []string {
	return []string{
		"FOREIGN_KEY_CHECK", "FOREIGN_KEY_LIST", "INDEX_INFO", "INDEX_LIST", "INDEX_XINFO", "INTEGRITY_CHECK", "QUICK_CHECK",
		"TABLE_INFO", "TABLE_LIST", "TABLE_XINFO", "APPLICATION_ID", "INCREMENTAL_VACUUM", "OPTIMIZE", "USER_VERSION", "WAL_CHECKPOINT",
	}
}

func refused(what, instead string) error {
	return fmt.Errorf("%w: %s: %s", ErrRefused, what, instead)
}
