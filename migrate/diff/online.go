package diff

import (
	"context"
	"slices"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
)

// noTransaction begins a file that is executed statement by statement.
const noTransaction = "-- atlas:txmode none"

// files plans the files of a migration. On PostgreSQL what would hold a table
// that has rows is divided among several, as package lint wants it, which have
// the name of their step after the migration's.
func (h half) files(ctx context.Context, p *place, name string, changes []atlas.Change, current state) ([]*migrate.Plan, error) {
	if h.config.Dialect != dialect.Postgres {
		plan, err := h.planChanges(ctx, p, name, changes)
		return filled(plan), err
	}
	d := divide(changes)
	before, after := slices.Concat(d.aside, d.made), []atlas.Change(nil)
	if len(d.unique)+len(d.replaced) > 0 { // which new tables may refer to
		before, after = d.aside, d.made
	}
	s := &steps{half: h, place: p}
	columns := s.addProtected(ctx, name+"_columns", before)
	s.online(ctx, name+"_", d)
	last := columns
	if len(after) > 0 {
		last = s.addProtected(ctx, name+"_tables", after)
	}
	last.Changes = append(last.Changes, h.lacks(current)...)
	s.constrain(ctx, name+"_", d)
	plans := filled(s.plans...)
	if len(plans) == 1 {
		plans[0].Name = name
	}
	return plans, s.err
}

// filled returns the plans that have something to do.
func filled(plans ...*migrate.Plan) []*migrate.Plan {
	return slices.DeleteFunc(plans, func(p *migrate.Plan) bool { return p == nil || len(p.Changes) == 0 })
}

// addProtected is add for tables that get row-level security as they are made. It
// adds a plan in any case.
func (s *steps) addProtected(ctx context.Context, name string, changes []atlas.Change) *migrate.Plan {
	plan := &migrate.Plan{Name: name}
	if s.err == nil && len(changes) > 0 {
		if plan, s.err = s.planChanges(ctx, s.place, name, changes); s.err == nil {
			plan, s.err = s.protect(plan)
		}
	}
	if s.err == nil {
		s.plans = append(s.plans, plan)
	}
	return plan
}

// online makes indexes, and constraints of them, while rows are written.
func (s *steps) online(ctx context.Context, prefix string, d divided) {
	s.add(ctx, prefix+"indexes", d.indexes).Directives = []string{noTransaction}
	s.addStatements(prefix+"unique", "the new index in the place of the old one", d.replaced...)
	unique := s.plans[len(s.plans)-1]
	unique.Changes = append(unique.Changes, commented("what foreign keys refer to", d.unique...)...)
}

// constrain adds foreign keys, checks and NOT NULL: for new rows, and in a later
// file for those that are there.
func (s *steps) constrain(ctx context.Context, prefix string, d divided) {
	keys := s.add(ctx, prefix+"keys", d.keys)
	if len(d.keys) == 0 {
		s.plans = append(s.plans, keys)
	}
	keys.Changes = append(keys.Changes, commented("a new row has a value", d.present...)...)
	valid, lifted := s.validated(d)
	s.addStatements(prefix+"valid", "the rows that are there", slices.Concat(valid, d.required)...)
	s.addStatements(prefix+"valid_keys", "the rows that are there, which the owner of the tables has to see", lifted...)
	// In a transaction what is lifted would be locked until all rows are read.
	s.plans[len(s.plans)-1].Directives = []string{noTransaction}
}

// validated returns the statements that look at the rows that are there, and apart
// from them those for which FORCE ROW LEVEL SECURITY is lifted: for one foreign key
// at a time, so that its owner is held by it for as long as can be.
func (s *steps) validated(d divided) (valid, lifted []string) {
	valid = slices.Clone(d.valid)
	for _, r := range d.referred {
		lift, again := s.lifted(r.tables)
		if len(lift) == 0 {
			valid = append(valid, r.valid)
			continue
		}
		lifted = slices.Concat(lifted, lift, []string{r.valid}, again)
	}
	return valid, lifted
}

// lifted returns the statements by which the owner of tables, who is held by
// row-level security, sees all rows for a while. Without them PostgreSQL takes a
// foreign key for valid whatever the rows are.
func (s *steps) lifted(tables []string) (lift, again []string) {
	for _, t := range s.tenancy.Tables {
		if slices.Contains(tables, t.Name) {
			lift = append(lift, "ALTER TABLE "+quoted(t.Name)+" NO FORCE ROW LEVEL SECURITY")
			again = append(again, "ALTER TABLE "+quoted(t.Name)+" FORCE ROW LEVEL SECURITY")
		}
	}
	return lift, again
}
