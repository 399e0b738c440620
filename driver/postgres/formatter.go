package postgres

import (
	"slices"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"

	"github.com/entenancy/tenancy/schema"
)

// Formatter returns a formatter of versioned migrations that writes what next
// does, and row-level security into the file that makes a table or gives it its
// tenant column; see [Policies]. ent's NamedDiff calls no other hook for this.
// A nil next is migrate.DefaultFormatter.
//
// A file that adds foreign keys lifts FORCE ROW LEVEL SECURITY from their
// tables for the while, because PostgreSQL would check only the rows that the
// owner can see. Run the file in one transaction, as migration tools do.
//
// Files from before know no policies: put [Policies] into one of its own.
func Formatter(next migrate.Formatter, m schema.Metadata) migrate.Formatter {
	if next == nil {
		next = migrate.DefaultFormatter
	}
	return formatter{next, m}
}

type formatter struct {
	next   migrate.Formatter
	tables schema.Metadata
}

// Format implements [migrate.Formatter]. It does not change the plan.
func (f formatter) Format(plan *migrate.Plan) ([]migrate.File, error) {
	names := referring(plan)
	var before, become, after []*migrate.Change
	for _, t := range f.tables.Tables {
		table := quoteIdentifier(t.Name)
		switch {
		case becomesTenants(plan, t):
			if len(become) == 0 {
				become = append(become, &migrate.Change{Cmd: createFunction(triggerName), Comment: "what refuses cascades into another tenant's rows"})
			}
			become = append(become, protectionChanges(t, table)...)
		case slices.Contains(names, t.Name):
			before = append(before, &migrate.Change{Cmd: unforce(table), Comment: "let the foreign keys of " + table + " be checked for all tenants"})
			after = append(after, &migrate.Change{Cmd: force(table), Comment: "row-level security of " + table + " for its owner again"})
		}
	}
	protected := *plan
	protected.Changes = slices.Concat(before, plan.Changes, become, after)
	return f.next.Format(&protected)
}

// becomesTenants reports whether a plan makes a table, or its tenant column.
func becomesTenants(plan *migrate.Plan, t schema.Table) bool {
	return slices.ContainsFunc(plan.Changes, func(change *migrate.Change) bool {
		switch source := change.Source.(type) {
		case *atlas.AddTable:
			return source.T.Name == t.Name
		case *atlas.ModifyTable:
			return source.T.Name == t.Name && slices.ContainsFunc(source.Changes, func(c atlas.Change) bool {
				add, ok := c.(*atlas.AddColumn)
				return ok && add.C.Name == t.TenantColumn
			})
		}
		return false
	})
}

func protectionChanges(t schema.Table, table string) []*migrate.Change {
	undo := []string{"ALTER TABLE " + table + " DISABLE ROW LEVEL SECURITY", unforce(table), dropPolicy(table), dropTrigger(table)}
	var changes []*migrate.Change
	for i, statement := range protection(t, table, triggerName) {
		changes = append(changes, &migrate.Change{Cmd: statement, Reverse: undo[i], Comment: "row-level security of " + table})
	}
	return changes
}
