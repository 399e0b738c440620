package lint

import (
	"entgo.io/ent/dialect"
)

// locking refuses what holds a table while it is scanned or rewritten.
func (s *statement) locking(f *file) []problem {
	holds := func(message string) []problem { return []problem{{Locking, message}} }
	switch {
	case s.begins("CREATE"):
		return s.createsIndex(f, holds)
	case s.at(0).is("LOCK", "CLUSTER"):
		return holds("it locks tables until the transaction ends: leave that to the statements that need it")
	case f.isPostgres() && s.begins("VACUUM") || f.isPostgres() && s.begins("REINDEX") && s.find(0, "CONCURRENTLY") < 0:
		return holds("it locks the table while it is rewritten: run it outside of migrations")
	}
	table, actions, ok := s.altered()
	if !ok || f.isNew(table) {
		return nil
	}
	for _, a := range actions {
		message := a.lockingColumn(f, table)
		if message == "" {
			message = a.lockingConstraint(f, table)
		}
		if message != "" {
			return holds(message)
		}
	}
	return nil
}

func (s *statement) createsIndex(f *file, holds func(string) []problem) []problem {
	i := s.skip(1, "UNIQUE", "OR", "REPLACE")
	on := s.find(i, "ON")
	if !f.isPostgres() || !s.at(i).is("INDEX") || on < 0 {
		return nil
	}
	table, _ := s.nameAt(s.skip(on+1, "ONLY"))
	switch concurrently := s.at(i + 1).is("CONCURRENTLY"); {
	case f.isNew(table):
		return nil
	case !concurrently:
		return holds("writes to " + table + " wait while the index is made: use CREATE INDEX CONCURRENTLY, in a file of its own that begins with -- atlas:txmode none")
	case !f.noTransaction:
		return holds("CONCURRENTLY is not possible in a transaction: put it in a file of its own that begins with -- atlas:txmode none")
	}
	return nil
}

// lockingColumn is for an action of ALTER TABLE on a column.
func (s *statement) lockingColumn(f *file, table string) string {
	if column, i, ok := s.addsColumn(); ok {
		fallback := s.find(i, "DEFAULT")
		switch {
		case s.find(i, "NOT", "NULL") >= 0 && fallback < 0 && s.find(i, "GENERATED") < 0 && s.find(i, "AUTO_INCREMENT") < 0:
			return "the column " + column + " of " + table + " is NOT NULL without a DEFAULT, which fails where there are rows: add it nullable, fill it, and set NOT NULL later"
		case f.isPostgres() && (fallback >= 0 && s.isCall(fallback+1) || s.find(i, "STORED") >= 0 || s.find(i, "IDENTITY") >= 0 || s.at(i).is("serial", "bigserial", "smallserial")):
			return "all rows of " + table + " are rewritten for the values of " + column + ": add it without, and fill it in batches"
		}
		return ""
	}
	if !f.isPostgres() || !s.begins("ALTER") {
		return ""
	}
	column, i := s.nameAt(s.skip(1, "COLUMN"))
	if s.has(i, "SET", "NOT", "NULL") && !f.validated[table] {
		return "SET NOT NULL of " + column + " scans " + table + ": add CHECK (" + column + " IS NOT NULL) NOT VALID in one file, VALIDATE it before this in another"
	}
	return ""
}

// isCall reports whether a function is called at i. Those that give the time of
// the transaction are constants in it.
func (s *statement) isCall(i int) bool {
	for s.at(i).text == "(" {
		i++
	}
	return s.at(i).kind == word && s.at(i+1).text == "(" && !s.at(i).is("now", "transaction_timestamp", "statement_timestamp", "varchar", "numeric")
}

// lockingConstraint is for an action of ALTER TABLE on a constraint.
func (s *statement) lockingConstraint(f *file, table string) string {
	if s.begins("VALIDATE", "CONSTRAINT") {
		switch constraint, _ := s.nameAt(2); {
		case f.lifted[table] && !f.noTransaction:
			return "NO FORCE ROW LEVEL SECURITY holds " + table + " until the transaction ends, with all its rows to check: begin the file with -- atlas:txmode none"
		case f.unvalidated[constraint]:
			return "the file that adds " + constraint + " holds " + table + " until all its rows are checked: validate it in a later file"
		}
		return ""
	}
	if !s.begins("ADD") {
		return ""
	}
	kind := 1
	if s.at(1).is("CONSTRAINT") {
		_, kind = s.nameAt(2)
	}
	switch {
	case f.dialect == dialect.SQLite:
		return ""
	case f.dialect == dialect.MySQL:
		if s.at(kind).is("FOREIGN", "CHECK", "PRIMARY") {
			return table + " is copied while writes to it wait: mark it where the table is small, or use a tool for online changes"
		}
		return ""
	case s.at(kind).is("FOREIGN", "CHECK") && s.find(kind, "NOT", "VALID") < 0:
		return "all rows of " + table + " are checked while writes wait: add NOT VALID, and VALIDATE CONSTRAINT in a later file"
	case s.at(kind).is("UNIQUE", "PRIMARY", "EXCLUDE") && s.find(kind, "USING", "INDEX") < 0:
		return "an index of " + table + " is made while writes wait: make it CONCURRENTLY in a file before, and add the constraint USING INDEX"
	}
	return ""
}
