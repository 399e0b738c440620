package lint

import (
	"strings"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// qualified refuses names of tables and the like with a schema.
func (s *statement) qualified(f *file) []problem {
	for _, part := range append(s.bodies(f), s) {
		if qualifier := part.qualifier(); qualifier != "" {
			return []problem{{Qualified, "a name is qualified by " + qualifier + ", and the file has to run anywhere: leave that out"}}
		}
	}
	return nil
}

// bodies is the code in a statement, of functions and DO blocks.
func (s *statement) bodies(f *file) []*statement {
	if !s.begins("DO") && (!s.begins("CREATE") || s.find(1, "FUNCTION") < 0 && s.find(1, "PROCEDURE") < 0) {
		return nil
	}
	var all []*statement
	for _, t := range s.tokens {
		if t.Kind == statements.Literal {
			all = append(all, &statement{statements.Tokens(f.dialect, t.Text)})
		}
	}
	return all
}

// qualifier is the schema of a name that has one, or empty.
func (s *statement) qualifier() string {
	for _, i := range s.relations() {
		if s.isDotted(i) && !s.at(i).Is("pg_catalog", "information_schema") {
			return s.at(i).Text
		}
	}
	for i, t := range s.tokens {
		switch {
		case s.isRelationText(i):
			return "a schema"
		case s.at(i-1).IsSymbol(".") || t.Is("pg_catalog", "information_schema"):
		case s.dots(i) > 1: // schema.table.column
			return t.Text
		case s.dots(i) == 1 && s.at(i+3).IsSymbol("%") && s.at(i+4).Is("ROWTYPE"):
			return t.Text
		}
	}
	return ""
}

// isRelationText reports a text that PostgreSQL reads as the qualified name of a
// relation.
func (s *statement) isRelationText(i int) bool {
	if t := s.at(i); t.Kind != statements.Literal || !strings.Contains(t.Text, ".") {
		return false
	}
	cast := s.at(i+1).IsSymbol(":") && s.at(i+3).Is("regclass") || s.has(i+1, "AS", "regclass")
	named := s.at(i-1).Is("regclass") || s.at(i-1).IsSymbol("(") && s.at(i-2).Is("nextval", "currval", "setval", "to_regclass", "pg_get_serial_sequence")
	return cast || named
}

// isDotted reports whether a name at i is followed by a dot and something else.
func (s *statement) isDotted(i int) bool {
	after := s.at(i + 2)
	return s.at(i).Identifies() && s.at(i+1).IsSymbol(".") && (after.Identifies() || after.IsSymbol("*")) && !isNumber(s.at(i))
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

func isNumber(t statements.Token) bool {
	return t.Kind == statements.Word && strings.Trim(t.Text, "0123456789") == ""
}
