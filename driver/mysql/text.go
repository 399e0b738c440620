package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/sqltext"
	"github.com/entenancy/tenancy/schema"
)

// check is [look] for the connections of a tenant's own database.
func check(ctx context.Context, query string, _ bool) error {
	scope, err := tenancy.ScopeFromContext(ctx)
	_, _, err = look(query, err == nil && !scope.System())
	return err
}

// look counts the statements of a text, and says whether one of them needs to
// name tables. It fails where one must not be sent, for a tenant or for anybody.
func look(query string, tenant bool) (statements int, unqualified bool, err error) {
	comment := sqltext.MySQL.Executable(query)
	if comment == "" {
		return lookAt(query, tenant)
	}
	if tenant && isEntangled(comment) {
		return 0, false, refused("executable comments after or around another", "which of them the server reads is up to its version; leave them out")
	}
	// The server's version decides whether it reads the comment.
	unread := strings.ReplaceAll(strings.ReplaceAll(query, "/*!", "/* "), "/*M!", "/* ")
	if _, _, err := lookAt(unread, tenant); err != nil {
		return 0, false, err
	}
	return lookAt(query, tenant)
}

// isEntangled reports whether an executable comment has another behind it, of which
// the server may read one and not the other, or a comment within, around which the
// server counts the ends if it does not read the outer one. It looks in literals too:
// where they begin and end behind an executable comment is up to the version as well.
func isEntangled(comment string) bool {
	comment = comment[len("/*"):]
	inner, end := strings.Index(comment, "/*"), strings.Index(comment, "*/")
	another := strings.Contains(comment, "/*!") || strings.Contains(comment, "/*M!")
	return another || inner >= 0 && inner < end
}

func lookAt(query string, tenant bool) (statements int, unqualified bool, err error) {
	program := false // what follows is the body of one, which is kept and not run
	for tokens := range sqltext.MySQL.Statements(query) {
		if err := refuse(tokens, tenant && !program); err != nil {
			return 0, false, err
		}
		if setsForStatement(tokens) {
			if err := refuseAfterFor(query, tenant && !program); err != nil {
				return 0, false, err
			}
		}
		program = program || isProgram(tokens)
		statements++
		unqualified = unqualified || !savepoint(tokens)
	}
	return statements, unqualified, nil
}

// refuse goes by a statement's first words.
func refuse(tokens []string, tenant bool) error {
	head := tokens[0]
	if head == "USE" {
		return refused(head, "it outlives its statement; name tables by `"+schema.TenantTables+"`")
	}
	if !tenant {
		return nil
	}
	switch head {
	case "BEGIN", "START", "COMMIT", "XA":
		return refused(head, "use ent's Tx or BeginTx, and the methods of the transaction")
	case "ROLLBACK":
		if !savepoint(tokens) {
			return refused(head, "end the transaction by its Rollback method")
		}
	case "SET":
		return refuseSet(tokens)
	case "LOCK", "UNLOCK", "FLUSH", "BACKUP":
		return refused(head, "locks of tables outlive their statement; use SELECT ... FOR UPDATE in a transaction of ent's Tx")
	case "CREATE":
		if what := created(tokens); len(what) > 0 && what[0] == "TEMPORARY" {
			return refused("CREATE TEMPORARY", "it outlives its statement, and hides the table of its name from the next tenant; use WITH, or a table of the tenant's")
		}
	case "HANDLER":
		return refused(head, "it outlives its statement; use SELECT")
	case "SHOW":
		if diagnostics(tokens) {
			return refused("SHOW WARNINGS", "they are of whatever was on the connection before, perhaps another tenant's; see the statement's error")
		}
	case "GET":
		return refused("GET DIAGNOSTICS", "they are of whatever was on the connection before, perhaps another tenant's; see the statement's error")
	case "PREPARE", "EXECUTE":
		return refused(head, "the text within is not looked at, and may outlive its statement; send it by itself, with arguments")
	case "IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR":
		return refused(head, "the statements within are not looked at; send them one by one")
	}
	return nil
}

// refuseSet lets pass what ends with its statement. SET TRANSACTION is for the
// connection's next transaction, which may be another tenant's.
func refuseSet(tokens []string) error {
	switch {
	case setsForStatement(tokens):
		return nil
	case slices.Contains(tokens, "TRANSACTION"):
		return refused("SET TRANSACTION", "the next transaction may be another tenant's; give ent's BeginTx options")
	}
	return refused("SET", "it outlives its statement; use SET STATEMENT ... FOR, or a parameter of the DSN")
}

// diagnostics reports whether a SHOW is one of WARNINGS or ERRORS, or of their number.
func diagnostics(tokens []string) bool {
	return len(tokens) > 1 && slices.Contains([]string{"WARNINGS", "ERRORS", "COUNT"}, tokens[1])
}

// setsForStatement reports whether a statement is MariaDB's SET STATEMENT ... FOR.
func setsForStatement(tokens []string) bool {
	return len(tokens) > 1 && tokens[0] == "SET" && tokens[1] == "STATEMENT"
}

// refuseAfterFor looks at what a SET STATEMENT in the text is for. A value can
// have a FOR too, so it looks behind each.
func refuseAfterFor(query string, tenant bool) error {
	tokens := slices.Collect(sqltext.MySQL.Tokens(query))
	for i, token := range tokens[:max(0, len(tokens)-1)] {
		if token != "FOR" {
			continue
		}
		if err := refuse(tokens[i+1:], tenant); err != nil {
			return err
		}
	}
	return nil
}

// isProgram reports whether a statement makes a stored program.
func isProgram(tokens []string) bool {
	if tokens[0] != "CREATE" && tokens[0] != "ALTER" {
		return false
	}
	what := created(tokens)
	return len(what) > 0 &&
		slices.Contains([]string{"DEFINER", "AGGREGATE", "PROCEDURE", "FUNCTION", "TRIGGER", "EVENT", "PACKAGE"}, what[0])
}

// created is what follows CREATE [OR REPLACE] or ALTER.
func created(tokens []string) []string {
	tokens = tokens[1:]
	if len(tokens) > 1 && tokens[0] == "OR" {
		tokens = tokens[2:]
	}
	return tokens
}

// savepoint reports whether a statement acts on a savepoint: SAVEPOINT, RELEASE
// SAVEPOINT, and ROLLBACK [WORK] TO.
func savepoint(tokens []string) bool {
	switch tokens[0] {
	case "SAVEPOINT":
		return true
	case "RELEASE":
		return len(tokens) > 1 && tokens[1] == "SAVEPOINT"
	case "ROLLBACK":
		return sqltext.RollsBackTo(tokens)
	}
	return false
}

func refused(what, instead string) error {
	return fmt.Errorf("%w: %s: %s", ErrRefused, what, instead)
}
