package postgres

import (
	"strings"

	"github.com/entenancy/tenancy/schema"
)

// PostgreSQL carries out ON DELETE past row-level security. Composite keys hold
// it to one tenant where the row that is deleted is a tenant's; where it is a
// global one, a trigger does: it refuses what would change another tenant's row.
// Without a tenant, that is for the system, it lets everything pass.

// triggerName is the name of the trigger and of the function that it calls, in
// the schema of the table.
const triggerName = PolicyName

// refusal is the body of the function. It is one literal on one line, for tools
// that split a migration at semicolons.
const refusal = `BEGIN RAISE insufficient_privilege USING MESSAGE = 'row-level security: a cascade reaches rows of another tenant in table ' || quote_ident(TG_TABLE_NAME); END`

// createFunction is the statement for the function, named as SQL.
func createFunction(function string) string {
	return "CREATE OR REPLACE FUNCTION " + function + "() RETURNS trigger LANGUAGE plpgsql AS " + quoteLiteral(refusal)
}

func createTrigger(t schema.Table, table, function string) string {
	return "CREATE OR REPLACE TRIGGER " + triggerName + " BEFORE UPDATE OR DELETE ON " + table +
		" FOR EACH ROW WHEN (" + isAnothers(t) + ") EXECUTE FUNCTION " + function + "()"
}

func dropTrigger(table string) string { return "DROP TRIGGER " + triggerName + " ON " + table }

// isAnothers is the condition under which the trigger refuses. What the column prints
// is compared: a cast would take the setting 007 for 7.
func isAnothers(t schema.Table) string {
	column := "OLD." + quoteIdentifier(t.TenantColumn)
	if cast(t.ColumnType) != "" {
		column += "::text"
	}
	return column + " <> " + settingAsText
}

// trigger is a trigger as the catalog has it.
type trigger struct {
	definition string // as PostgreSQL prints it
	enabled    bool
	body       string // of its function
}

// triggerColumns is the columns that fill a trigger, of pg_trigger g and its
// function f.
const triggerColumns = `coalesce(pg_get_triggerdef(g.oid), ''), coalesce(g.tgenabled IN ('O', 'A'), false), coalesce(f.prosrc, '')`

// joinTrigger finds the trigger of a table c.
const joinTrigger = `
	LEFT JOIN pg_catalog.pg_trigger g ON g.tgrelid = c.oid AND g.tgname = '` + triggerName + `' AND NOT g.tgisinternal
	LEFT JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid`

func (g *trigger) fields() []any { return []any{&g.definition, &g.enabled, &g.body} }

// holds reports whether the trigger is what a table needs.
func (g *trigger) holds(t schema.Table) bool {
	head, rest, _ := strings.Cut(g.definition, " ON ")
	_, rest, _ = strings.Cut(rest, " FOR EACH ROW WHEN ")
	condition, _, _ := strings.Cut(rest, " EXECUTE FUNCTION ")
	return g.enabled && g.body == refusal && strings.HasSuffix(head, " BEFORE DELETE OR UPDATE") &&
		isPrinted(condition, "old.", t.TenantColumn, "<>"+settingAsText)
}
