package lint

import "github.com/entenancy/tenancy/driver/postgres"

// isolation refuses what takes row-level security away, and what it would keep
// from working. A migration may drop a policy, or lift FORCE, for as long as the
// file lasts.
func (s *statement) isolation(f *file) []problem {
	opens := func(message string) []problem { return []problem{{Isolation, message}} }
	switch {
	case s.begins("DROP", "POLICY"):
		policy, table := s.policy()
		if !f.follows(func(later *statement) bool {
			p, t := later.policy()
			return later.begins("CREATE", "POLICY") && p == policy && t == table
		}) {
			return opens("the policy " + policy + " of " + table + " is dropped: tenants see no rows, or each other's")
		}
	case s.opensPolicy():
		_, table := s.policy()
		return opens("the policy may let rows of other tenants of " + table + " through: make it as package driver/postgres has it, or AS RESTRICTIVE")
	case s.begins("ALTER", "POLICY"):
		return opens("a policy is altered: drop it and make it again, as package driver/postgres has it")
	case s.weakensTrigger():
		return opens("the trigger " + postgres.PolicyName + " refuses what cascades into rows of another tenant: make it as package driver/postgres has it")
	case s.dropsTrigger(f):
		return opens("without the trigger " + postgres.PolicyName + " what cascades from a global row reaches rows of all tenants")
	case s.begins("ALTER") && s.changesOwner():
		return opens("who owns it can switch row-level security off: leave it to the role that migrates")
	case f.isPostgres() && s.widensGrant() != "":
		return opens(s.widensGrant() + " is not held to a tenant's rows: grant SELECT, INSERT, UPDATE and DELETE only")
	case s.weakensFunction():
		return opens("the function " + postgres.PolicyName + " refuses what cascades into rows of another tenant: leave it as package driver/postgres has it")
	}
	if collation := s.foldsIDs(f); collation != "" {
		return opens("tenants whose ids differ by case alone would be one where the tenant column is compared as " + collation + " has it: take a collation that ends in _bin")
	}
	if table, blind := s.blind(f); blind {
		return opens("the owner of " + table + " sees no rows of it: NO FORCE ROW LEVEL SECURITY before it, FORCE again at the end of the file")
	}
	table, actions, _ := s.altered()
	for _, a := range actions {
		switch {
		case a.begins("DISABLE", "ROW", "LEVEL"), a.begins("DISABLE", "TRIGGER"), a.begins("ENABLE", "REPLICA"):
			return opens("it is switched off for " + table + ", and all tenants see its rows")
		case a.begins("NO", "FORCE") && !f.forcedAgain(table):
			return opens("the owner of " + table + " sees all tenants' rows: FORCE ROW LEVEL SECURITY again at the end of the file")
		}
		if message := a.loosensTenant(f, table); message != "" {
			return opens(message)
		}
	}
	return nil
}

// blind reports a statement that acts on no rows, because the owner who migrates
// sees none: PostgreSQL would change none, and take any foreign key for valid.
func (s *statement) blind(f *file) (string, bool) {
	for _, change := range s.rowChanges() {
		if f.forced[change.table] {
			return change.table, true
		}
	}
	for _, read := range s.copied() {
		if f.forced[read] {
			return read, true
		}
	}
	table, actions, _ := s.altered()
	if !f.forced[table] || f.isNew(table) {
		return table, false
	}
	for _, a := range actions {
		constraint, _ := a.nameAt(2)
		foreign := a.begins("ADD") && a.find(0, "FOREIGN", "KEY") >= 0 && a.find(0, "NOT", "VALID") < 0
		if foreign || a.begins("VALIDATE", "CONSTRAINT") && f.foreign[constraint] {
			return table, true
		}
	}
	return table, false
}

// copied returns the tables that a statement reads to change or make rows of others.
func (s *statement) copied() []string {
	created, _, made := s.created()
	switch {
	case made && s.outer().find(0, "AS") < 0, s.begins("CREATE") && !made: // what it makes reads later
		return nil
	case !made && len(s.rowChanges()) == 0 && s.find(0, "INTO") < 0:
		return nil
	}
	var tables []string
	for _, i := range s.relations() {
		if table, _ := s.nameAt(i); table != created && !s.at(i-1).Is("INTO") {
			tables = append(tables, table)
		}
	}
	return tables
}

// changesOwner reports OWNER TO, which is not the end of RENAME COLUMN owner TO and the like.
func (s *statement) changesOwner() bool {
	outer := s.outer()
	i := outer.find(1, "OWNER", "TO")
	if i < 0 || outer.at(i-2).Is("RENAME") && outer.at(i-1).Is("COLUMN", "ATTRIBUTE", "CONSTRAINT") {
		return false
	}
	_, actions, _ := s.altered()
	return len(actions) != 1 || !actions[0].begins("RENAME")
}

// policy returns the policy and the table of CREATE POLICY p ON t and the like.
func (s *statement) policy() (policy, table string) {
	i := s.skip(2, "IF", "EXISTS")
	policy, i = s.nameAt(i)
	table, _ = s.nameAt(s.skip(i, "ON"))
	return policy, table
}

// dropsTrigger reports the end of what refuses cascades, or its being renamed, of
// which no later statement knows.
func (s *statement) dropsTrigger(f *file) bool {
	name, table := s.policy()
	if !s.at(0).Is("DROP", "ALTER") || !s.at(1).Is("TRIGGER") || name != postgres.PolicyName {
		return false
	}
	return !f.follows(func(later *statement) bool {
		i := later.skip(1, "OR", "REPLACE", "CONSTRAINT")
		if !later.begins("CREATE") || !later.at(i).Is("TRIGGER") {
			return false
		}
		n, _ := later.nameAt(i + 1)
		t, _ := later.nameAt(later.find(i, "ON") + 1)
		return n == name && t == table
	})
}

func (f *file) forcedAgain(table string) bool {
	return f.follows(func(later *statement) bool {
		t, actions, ok := later.altered()
		return ok && t == table && len(actions) == 1 && actions[0].begins("FORCE")
	})
}
