package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// transaction refuses what begins or ends one.
func (s *statement) transaction(*file) []problem {
	if s.at(0).is("BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE", "XA") || s.begins("PREPARE", "TRANSACTION") {
		return []problem{{Transaction, strings.ToUpper(s.at(0).text) + " takes the transaction out of the runner's hands: remove it"}}
	}
	return nil
}

// outside refuses what has an effect outside of the tenant's place.
func (s *statement) outside(f *file) []problem {
	if what := s.outsideObject(); what != "" {
		return []problem{{Outside, what + " is outside of a tenant's place: do it where tenants are provisioned, once"}}
	}
	if what := s.sessionState(f); what != "" {
		return []problem{{Outside, what + " changes the session, which goes on to other tenants: remove it"}}
	}
	for i, t := range s.tokens {
		if s.at(i+1).text == "(" && (t.is("set_config", "get_lock", "release_lock", "dblink") || t.kind == word && strings.HasPrefix(strings.ToLower(t.text), "pg_advisory_")) {
			return []problem{{Outside, t.text + " has an effect outside of the file: remove it"}}
		}
	}
	return nil
}

// outsideObject names an object that the statement changes and that is not in a
// schema.
func (s *statement) outsideObject() string {
	objects := []string{"SCHEMA", "DATABASE", "ROLE", "USER", "GROUP", "EXTENSION", "PUBLICATION", "SUBSCRIPTION", "TABLESPACE", "SERVER", "EVENT", "LANGUAGE", "SYSTEM", "CAST"}
	i := 1
	switch {
	case s.at(0).is("CREATE", "ALTER", "DROP"):
		i = s.skip(i, "OR", "REPLACE", "TRUSTED", "PROCEDURAL")
	case s.begins("COMMENT", "ON"):
		i = 2
	case s.at(0).is("GRANT", "REVOKE"):
		on := s.find(0, "ON")
		if on < 0 {
			return strings.ToUpper(s.at(0).text) + " of a role"
		}
		i = on + 1
		if in := s.find(i, "IN"); in >= 0 {
			i = in + 1
		}
	default:
		return ""
	}
	if s.begins("ALTER", "DEFAULT", "PRIVILEGES") {
		return "ALTER DEFAULT PRIVILEGES"
	}
	if s.at(i).is(objects...) {
		return strings.ToUpper(s.at(0).text + " " + s.at(i).text)
	}
	return ""
}

// sessionState names a setting that outlives the statement.
func (s *statement) sessionState(f *file) string {
	switch {
	case s.at(0).is("USE", "ATTACH", "DETACH", "RESET", "DISCARD", "LISTEN", "COPY"):
		return strings.ToUpper(s.at(0).text)
	case s.begins("PRAGMA"):
		// Atlas makes tables anew with foreign keys off.
		if !s.at(1).is("foreign_keys", "foreign_key_check", "defer_foreign_keys") {
			return "PRAGMA " + s.at(1).text
		}
	case s.begins("SET"):
		// SET LOCAL ends with the transaction of the file.
		if f.dialect == dialect.Postgres && s.at(1).is("LOCAL") && !s.at(2).is("search_path", "ROLE", "SESSION") && !s.at(2).is("row_security") {
			return ""
		}
		return "SET " + s.at(s.skip(1, "LOCAL", "SESSION", "GLOBAL")).text
	}
	return ""
}

// qualified refuses names of tables and the like with a schema.
func (s *statement) qualified(f *file) []problem {
	for _, part := range s.withBodies(f) {
		for i := range part.tokens {
			if qualifier, ok := part.qualifiedAt(i); ok {
				return []problem{{Qualified, "a name is qualified by " + qualifier + ", and the file has to run anywhere: leave that out"}}
			}
		}
	}
	return nil
}

// withBodies is the statement and the code in it, of functions and DO blocks.
func (s *statement) withBodies(f *file) []*statement {
	parts := []*statement{s}
	if s.begins("DO") || s.begins("CREATE") && (s.find(1, "FUNCTION") >= 0 || s.find(1, "PROCEDURE") >= 0) {
		for _, t := range s.tokens {
			if t.kind == literal {
				parts = append(parts, &statement{tokens(t.text, f.dialect)})
			}
		}
	}
	return parts
}

// qualifiedAt reports whether a name at i says in which schema it is.
func (s *statement) qualifiedAt(i int) (string, bool) {
	if t := s.at(i); t.kind == literal && s.at(i+1).text == ":" && s.at(i+3).is("regclass") && strings.Contains(t.text, ".") {
		return "a schema", true
	}
	if s.at(i-1).text == "." || !s.isDotted(i) || s.at(i).is("pg_catalog", "information_schema") {
		return "", false
	}
	if s.dots(i) > 1 {
		return s.at(i).text, true // schema.table.column
	}
	return s.at(i).text, s.namesRelation(i)
}

// isDotted reports whether a name at i is followed by a dot and something else.
func (s *statement) isDotted(i int) bool {
	dot, after := s.at(i+1), s.at(i+2)
	return s.at(i).identifies() && dot.kind == symbol && dot.text == "." && (after.identifies() || after.text == "*") && !isNumber(s.at(i))
}

// dots is the number of dots of the name at i.
func (s *statement) dots(i int) int {
	n := 0
	for s.isDotted(i) {
		i += 2
		n++
	}
	return n
}

func isNumber(t token) bool { return t.kind == word && t.text[0] >= '0' && t.text[0] <= '9' }

// namesRelation reports whether the name at i stands where a table, or another
// object of a schema, is named, and not a column of one.
func (s *statement) namesRelation(i int) bool {
	before := s.at(i - 1)
	after := s.at(i + 3)
	switch {
	case before.is("TABLE", "ONLY", "INTO", "UPDATE", "JOIN", "REFERENCES", "INDEX", "CONCURRENTLY", "VIEW", "SEQUENCE", "TYPE", "DOMAIN",
		"FUNCTION", "PROCEDURE", "TRIGGER", "TRUNCATE", "EXISTS", "LOCK", "DELETE"):
		return !s.has(i-2, "DATA", "TYPE") && (!before.is("TYPE") || !s.begins("ALTER", "TABLE"))
	case before.is("FROM"):
		return !s.at(i-2).is("DISTINCT") && (s.at(i-3).text != "(" || !s.at(i-4).is("EXTRACT", "SUBSTRING", "TRIM", "OVERLAY", "POSITION"))
	case before.is("ON"):
		return after.kind != symbol || !slices.Contains([]string{"=", "<", ">", "!", "+", "-", ":", "|"}, after.text)
	case before.is("TO"):
		return s.begins("ALTER") && s.at(i-2).is("RENAME")
	case before.text == "," && before.kind == symbol:
		return s.at(0).is("DROP", "TRUNCATE", "GRANT", "REVOKE", "LOCK")
	}
	return false
}
