package lint

import (
	"slices"
	"strings"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// transaction refuses what begins or ends one.
func (s *statement) transaction(*file) []problem {
	if statements.EndsFlow(s.tokens) {
		return nil
	}
	if s.at(0).Is("BEGIN", "START", "COMMIT", "END", "ABORT", "ROLLBACK", "SAVEPOINT", "RELEASE", "XA") || s.begins("PREPARE", "TRANSACTION") {
		return []problem{{Transaction, strings.ToUpper(s.at(0).Text) + " takes the transaction out of the runner's hands: remove it"}}
	}
	return nil
}

// outside refuses what has an effect outside of the tenant's place.
func (s *statement) outside(f *file) []problem {
	if what := s.outsideObject(); what != "" {
		return []problem{{Outside, what + " is outside of a tenant's place: do it where tenants are provisioned, once"}}
	}
	if path := s.functionPath(); path != "" {
		return []problem{{Outside, "a function that is to run with " + path + " reads one place for all: leave that out, or SET search_path FROM CURRENT"}}
	}
	for _, part := range s.executed(f) {
		for i := range part.tokens {
			begun := &statement{part.tokens[i:]}
			executed := i == 0 || part.startsStatement(i) && (begun.begins("UPDATE") || part != s && begun.at(0).Is("SET", "RESET"))
			if what := begun.sessionState(f); what != "" && executed {
				return []problem{{Outside, what + " changes the session, which goes on to other tenants: remove it"}}
			}
			if called := part.at(i); called.Identifies() && part.at(i+1).IsSymbol("(") && isOutside(called.Text) {
				return []problem{{Outside, called.Text + " has an effect outside of the file: remove it"}}
			}
		}
	}
	return nil
}

// executed is the statement and, where it is DO, the code in it.
func (s *statement) executed(f *file) []*statement {
	if s.begins("DO") {
		return append(s.bodies(f), s)
	}
	return []*statement{s}
}

// isOutside reports a function that changes the session, or holds a lock that
// outlives the file.
func isOutside(function string) bool {
	function = strings.ToLower(function)
	return slices.Contains([]string{"set_config", "get_lock", "release_lock", "release_all_locks"}, function) ||
		strings.HasPrefix(function, "pg_") && strings.Contains(function, "advisory_") || strings.HasPrefix(function, "dblink")
}

// outsideObject names an object that the statement changes and that is not in a
// schema.
func (s *statement) outsideObject() string {
	objects := []string{"SCHEMA", "DATABASE", "ROLE", "USER", "GROUP", "EXTENSION", "PUBLICATION", "SUBSCRIPTION", "TABLESPACE", "SERVER", "EVENT", "LANGUAGE", "SYSTEM", "CAST"}
	i := 1
	switch {
	case s.at(0).Is("ALTER") && s.outer().find(1, "SET", "SCHEMA") >= 0:
		return "SET SCHEMA"
	case s.begins("IMPORT", "FOREIGN", "SCHEMA"), s.at(0).Is("DROP", "REASSIGN") && s.at(1).Is("OWNED"):
		return strings.ToUpper(s.at(0).Text + " " + s.at(1).Text)
	case s.at(0).Is("CREATE", "ALTER", "DROP", "RENAME"):
		i = s.skip(i, "OR", "REPLACE", "TRUSTED", "PROCEDURAL")
	case s.begins("COMMENT", "ON"):
		i = 2
	case s.at(0).Is("GRANT", "REVOKE"):
		on := s.find(0, "ON")
		if on < 0 {
			return strings.ToUpper(s.at(0).Text) + " of a role"
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
	if s.at(i).Is(objects...) {
		return strings.ToUpper(s.at(0).Text + " " + s.at(i).Text)
	}
	return ""
}

// sessionState names a setting that outlives the statement.
func (s *statement) sessionState(f *file) string {
	switch {
	case s.at(0).Is("USE", "ATTACH", "DETACH", "RESET", "DISCARD", "LISTEN", "COPY", "FLUSH"):
		return strings.ToUpper(s.at(0).Text)
	case s.begins("UPDATE"):
		if table, _ := s.nameAt(s.skip(1, "ONLY")); table == "pg_settings" {
			return "UPDATE pg_settings"
		}
	case s.begins("PRAGMA"):
		// Atlas makes tables anew with foreign keys off.
		if !s.at(1).Is("foreign_keys", "foreign_key_check", "defer_foreign_keys") {
			return "PRAGMA " + s.at(1).Text
		}
	case s.begins("SET"):
		if f.isPostgres() && s.endsWithFile() {
			return ""
		}
		return "SET " + s.at(s.skip(1, "LOCAL", "SESSION", "GLOBAL")).Text
	}
	return ""
}

// endsWithFile reports a SET of PostgreSQL that ends with the transaction of the
// file, and does not say in which place, or as whom, its other statements run.
func (s *statement) endsWithFile() bool {
	if s.at(1).Is("CONSTRAINTS") {
		return true
	}
	setting := s.settingAt(2)
	return s.at(1).Is("LOCAL") && !strings.Contains(setting, `\`) &&
		!slices.Contains([]string{"search_path", "schema", "role", "session", "session_authorization", "session_replication_role", "row_security"}, setting)
}

// settingAt is the name of a setting at i, which may be in quotes.
func (s *statement) settingAt(i int) string {
	setting, _ := s.nameAt(i)
	return strings.ToLower(setting)
}

// functionPath returns the search path that a function is to run with, unless it
// is that of PostgreSQL itself or the one that the file runs with.
func (s *statement) functionPath() string {
	if !s.at(0).Is("CREATE", "ALTER") || s.find(1, "FUNCTION") < 0 && s.find(1, "PROCEDURE") < 0 && s.find(1, "ROUTINE") < 0 {
		return ""
	}
	for i := range s.tokens {
		setting := s.settingAt(i + 1)
		if !s.at(i).Is("SET") || setting != "search_path" && setting != "schema" || s.has(i+2, "FROM", "CURRENT") {
			continue
		}
		for value := i + 3; ; value += 2 {
			if t := s.at(value); setting == "schema" || t.Text != "" && !slices.Contains([]string{"pg_catalog", "pg_temp"}, strings.ToLower(t.Text)) {
				return "SET " + setting
			}
			if !s.at(value + 1).IsSymbol(",") {
				break
			}
		}
	}
	return ""
}
