package postgres

import (
	"strings"

	"github.com/entenancy/tenancy/schema"
)

// PolicyName is the name of the policy that this package gives each table, and of the
// trigger beside it, with its function.
const PolicyName = "tenant_isolation"

// Policies returns the statements that put the tables of m behind row-level
// security, its owner's own access included:
//
//	ALTER TABLE "orders" ENABLE ROW LEVEL SECURITY
//	ALTER TABLE "orders" FORCE ROW LEVEL SECURITY
//	CREATE POLICY tenant_isolation ON "orders"
//		USING      ("tenant_id" = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))
//		WITH CHECK (… the same …)
//	CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON "orders" …
//
// The trigger refuses what no policy sees: the ON DELETE of a global row that a
// tenant deletes, where it would reach the rows of another.
//
// They are for a migration that is written by hand, and run once; [Formatter]
// and [MigrateOptions] do it unasked. Names are not qualified: the tables are
// those of the search path.
//
// Without a tenant no row is seen or written, nor, where the column is a UUID or a
// number, by a tenant whose id is none. One that is too large gets an error.
func Policies(m schema.Metadata) []string {
	all := []string{createFunction(triggerName)}
	for _, t := range m.Tables {
		all = append(all, protection(t, quoteIdentifier(t.Name), triggerName)...)
	}
	return all
}

// protection is the statements for one table, which is named as SQL like the
// function of its trigger.
func protection(t schema.Table, table, function string) []string {
	return []string{
		"ALTER TABLE " + table + " ENABLE ROW LEVEL SECURITY",
		force(table),
		createPolicy(t, table),
		createTrigger(t, table, function),
	}
}

func force(table string) string   { return "ALTER TABLE " + table + " FORCE ROW LEVEL SECURITY" }
func unforce(table string) string { return "ALTER TABLE " + table + " NO FORCE ROW LEVEL SECURITY" }

func createPolicy(t schema.Table, table string) string {
	mine := isTenants(t)
	return "CREATE POLICY " + PolicyName + " ON " + table + " USING (" + mine + ") WITH CHECK (" + mine + ")"
}

func dropPolicy(table string) string { return "DROP POLICY " + PolicyName + " ON " + table }

// isTenants is the condition under which a row is the current tenant's.
func isTenants(t schema.Table) string {
	return quoteIdentifier(t.TenantColumn) + " = " + currentTenant(t.ColumnType)
}

// currentTenant is the id of the setting, or null. The sub-select is evaluated
// once for a statement, and keeps a tenant's id out of plans that are kept for
// others.
//
// Only what the column would print is an id: a cast takes 007 for 7, and so the
// tenant of the one for that of the other.
func currentTenant(c schema.ColumnType) string {
	pattern := canonical(c)
	if pattern == "" {
		return "(SELECT " + settingAsText + ")"
	}
	return `(SELECT "substring"(current_setting('` + Setting + "', true), " + pattern + ")" + cast(c) + ")"
}

// canonical is what a column prints, as a pattern in SQL; empty where it is any text.
// There are no parentheses in it: substring would return what is in those.
func canonical(c schema.ColumnType) string {
	switch c {
	case schema.UUID:
		return "'^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'"
	case schema.Int64:
		return "'^0$|^-?[1-9][0-9]*$'"
	default:
		return ""
	}
}

// settingAsText is the setting, or null.
const settingAsText = "NULLIF(current_setting('" + Setting + "', true), '')"

// cast turns text into a tenant column's type.
func cast(c schema.ColumnType) string {
	switch c {
	case schema.UUID:
		return "::uuid"
	case schema.Int64:
		return "::bigint"
	default:
		return ""
	}
}

// meansTenants reports whether an expression of a policy, as PostgreSQL prints
// it, means isTenants.
func meansTenants(t schema.Table, printed string) bool {
	return strings.Contains(printed, canonical(t.ColumnType)) && isPrinted(printed, "", t.TenantColumn, "="+currentTenant(t.ColumnType))
}

// isPrinted compares what PostgreSQL prints with what comes before a column, the
// column, and what comes after it. A name has quotes only where it needs them.
func isPrinted(printed, before, column, after string) bool {
	printed = skeleton(printed)
	return printed == skeleton(before+column+after) || printed == skeleton(before+quoteIdentifier(column)+after)
}

// skeleton is an expression without what PostgreSQL adds or leaves out when it
// prints one: parentheses, blanks, casts to text, the name of the result. The
// tokens that remain can be read in one way only.
func skeleton(expression string) string {
	return strings.NewReplacer("(", "", ")", "", " ", "", "\n", "", "::text", "", `AS "nullif"`, "", `AS "substring"`, "").Replace(expression)
}
