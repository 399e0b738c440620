package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// steps plans the files of an adoption.
type steps struct {
	half
	place *place
	gains map[string]bool // tables that get their tenant column
	plans []*migrate.Plan
	err   error // the first one

	backfill *migrate.Plan // one of the plans, for fill
}

// add plans a step of Atlas' changes.
func (s *steps) add(ctx context.Context, name string, changes []atlas.Change) *migrate.Plan {
	plan := &migrate.Plan{Name: name}
	if s.err != nil || len(changes) == 0 {
		return plan
	}
	planned, err := s.planChanges(ctx, s.place, name, changes)
	if err != nil {
		s.err = err
		return plan
	}
	s.plans = append(s.plans, planned)
	return planned
}

// mark lets lint accept the statements of a plan that have a part.
func mark(plan *migrate.Plan, part, reason string) {
	for _, change := range plan.Changes {
		if strings.Contains(change.Cmd, part) {
			change.Comment += "\n-- tenancy:allow " + reason
		}
	}
}

// addStatements plans a step of statements.
func (s *steps) addStatements(name, comment string, statements ...string) {
	s.plans = append(s.plans, &migrate.Plan{Name: name, Changes: commented(comment, statements...)})
}

func commented(comment string, statements ...string) []*migrate.Change {
	var changes []*migrate.Change
	for _, statement := range statements {
		changes = append(changes, &migrate.Change{Cmd: statement, Comment: comment})
	}
	return changes
}

// take plans the steps that lead to ent's schema, in the order that the database needs.
func (s *steps) take(ctx context.Context, changes []atlas.Change, loose []*atlas.ForeignKey) {
	columns, required, rest := s.divide(changes)
	s.add(ctx, "columns", columns)
	s.backfill = &migrate.Plan{Name: "backfill"}
	s.plans = append(s.plans, s.backfill)
	switch s.config.Dialect {
	case dialect.Postgres:
		s.require()
		s.loosen(ctx, loose)
		s.keys(ctx, rest)
		s.isolate()
	case dialect.MySQL:
		mark(s.add(ctx, "not_null", required), " MODIFY ", "destructive the column only becomes NOT NULL")
		s.loosen(ctx, loose)
		mark(s.add(ctx, "keys", rest), " ADD CONSTRAINT ", "locking MySQL checks a key while it copies the table")
	default:
		s.add(ctx, "keys", merged(required, rest))
	}
}

// divide parts changes into those that add tenant columns, which may be null, those that
// make them required, and the rest.
func (s *steps) divide(changes []atlas.Change) (columns, required, rest []atlas.Change) {
	for _, change := range changes {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			rest = append(rest, change)
			continue
		}
		var others []atlas.Change
		for _, c := range modify.Changes {
			if add, ok := c.(*atlas.AddColumn); ok && s.isTenantColumn(modify.T, add.C) {
				added, notNull := s.gain(modify.T, add.C)
				columns, required = append(columns, added), append(required, notNull)
				continue
			}
			others = append(others, c)
		}
		if len(others) > 0 {
			rest = append(rest, &atlas.ModifyTable{T: modify.T, Changes: others})
		}
	}
	return columns, required, rest
}

// gain notes that a table gets its tenant column, and returns the change that adds it and
// the one that makes it required.
func (s *steps) gain(t *atlas.Table, column *atlas.Column) (added, required atlas.Change) {
	s.gains[t.Name] = true
	nullable := nullableOf(column)
	// Of a table that has nothing else, so that SQLite's is not made anew, and
	// MySQL's column has its collation said, which the table's may not be.
	bare := atlas.NewTable(t.Name).AddColumns(nullable)
	added = &atlas.ModifyTable{T: bare, Changes: []atlas.Change{&atlas.AddColumn{C: nullable}}}
	if s.config.Dialect == dialect.MySQL {
		t = bare // elsewhere the rest has the table, too, where they are merged
	}
	return added, &atlas.ModifyTable{T: t, Changes: []atlas.Change{&atlas.ModifyColumn{From: nullable, To: column, Change: atlas.ChangeNull}}}
}

func (s *steps) isTenantColumn(t *atlas.Table, c *atlas.Column) bool {
	return slices.ContainsFunc(s.tenancy.Tables, func(described schema.Table) bool {
		return described.Name == t.Name && described.TenantColumn == c.Name
	})
}

func nullableOf(c *atlas.Column) *atlas.Column {
	columnType := *c.Type
	columnType.Null = true
	return &atlas.Column{Name: c.Name, Type: &columnType, Default: c.Default, Attrs: c.Attrs}
}

// merged is the changes of two lists with one change for each table: SQLite
// makes a table anew for each.
func merged(first, second []atlas.Change) []atlas.Change {
	var all []atlas.Change
	for _, change := range slices.Concat(first, second) {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			all = append(all, change)
			continue
		}
		same := func(c atlas.Change) bool {
			m, ok := c.(*atlas.ModifyTable)
			return ok && m.T == modify.T
		}
		if i := slices.IndexFunc(all, same); i >= 0 {
			earlier := all[i].(*atlas.ModifyTable) //nolint:forcetypeassert // it is what was looked for
			all[i] = &atlas.ModifyTable{T: modify.T, Changes: slices.Concat(earlier.Changes, modify.Changes)}
			continue
		}
		all = append(all, change)
	}
	return all
}

// fill writes the step that says whose the rows are.
func (s *steps) fill(owner func(string) string) error {
	if s.err != nil {
		return s.err
	}
	for _, t := range parentsFirst(s.tenancy) {
		if !s.gains[t.Name] {
			continue
		}
		expression := owner(t.Name)
		if expression == "" {
			return fmt.Errorf("diff: Adoption.Owner says nothing of the table %q: return an SQL expression", t.Name)
		}
		column := s.quote(t.TenantColumn)
		s.backfill.Changes = append(s.backfill.Changes, &migrate.Change{
			Cmd:     "UPDATE " + s.quote(t.Name) + " SET " + column + " = " + expression + " WHERE " + column + " IS NULL",
			Comment: "whose the rows of " + s.quote(t.Name) + " are",
		})
	}
	return nil
}

// require makes the tenant column NOT NULL without a scan under a lock.
func (s *steps) require() {
	var added, valid, required []string
	for _, t := range s.tenancy.Tables {
		if s.gains[t.Name] {
			n := notNull(t.Name, t.TenantColumn)
			added, valid, required = append(added, n.present), append(valid, n.valid), append(required, n.required...)
		}
	}
	s.addStatements("required", "a new row has its tenant", added...)
	s.addStatements("not_null", "every row has its tenant", slices.Concat(valid, required)...)
}

// keys adds indexes and keys without holding the tables. Row-level security
// comes after them, so FORCE is not in their way.
func (s *steps) keys(ctx context.Context, rest []atlas.Change) {
	d := divide(rest)
	for i := range d.referred {
		d.referred[i].tables = nil
	}
	s.online(ctx, "", d)
	s.constrain(ctx, "", d)
	s.add(ctx, "others", slices.Concat(d.aside, d.made))
}

// loosen drops the foreign keys between the halves, which are in the existing
// database alone.
func (s *steps) loosen(ctx context.Context, loose []*atlas.ForeignKey) {
	drop := " DROP CONSTRAINT IF EXISTS "
	switch {
	case s.config.Dialect == dialect.SQLite || s.config.Dialect == dialect.MySQL && !s.place.isMariaDB(ctx):
		return
	case s.config.Dialect == dialect.MySQL:
		drop = " DROP FOREIGN KEY IF EXISTS "
	}
	var statements []string
	for _, key := range loose {
		statements = append(statements, "ALTER TABLE "+s.quote(key.Table.Name)+drop+s.quote(key.Symbol))
	}
	s.addStatements("loose", "global tables may be in another database", statements...)
}

// isolate brings the tables behind row-level security.
func (s *steps) isolate() {
	s.addStatements("isolation", "row-level security", postgres.Policies(s.tenancy)...)
	last := s.plans[len(s.plans)-1]
	last.Changes = append(last.Changes, s.grants(nil)...)
}
