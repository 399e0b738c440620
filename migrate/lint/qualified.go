package lint

import (
	"strings"
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
		if t.kind == literal {
			all = append(all, &statement{tokens(t.text, f.dialect)})
		}
	}
	return all
}

// qualifier is the schema of a name that has one, or empty.
func (s *statement) qualifier() string {
	for _, i := range s.relations() {
		if s.isDotted(i) && !s.at(i).is("pg_catalog", "information_schema") {
			return s.at(i).text
		}
	}
	for i, t := range s.tokens {
		switch {
		case s.isRelationText(i):
			return "a schema"
		case s.at(i-1).isSymbol(".") || t.is("pg_catalog", "information_schema"):
		case s.dots(i) > 1: // schema.table.column
			return t.text
		case s.dots(i) == 1 && s.at(i+3).isSymbol("%") && s.at(i+4).is("ROWTYPE"):
			return t.text
		}
	}
	return ""
}

// isRelationText reports a text that PostgreSQL reads as the qualified name of a
// relation.
func (s *statement) isRelationText(i int) bool {
	if t := s.at(i); t.kind != literal || !strings.Contains(t.text, ".") {
		return false
	}
	cast := s.at(i+1).isSymbol(":") && s.at(i+3).is("regclass") || s.has(i+1, "AS", "regclass")
	named := s.at(i-1).is("regclass") || s.at(i-1).isSymbol("(") && s.at(i-2).is("nextval", "currval", "setval", "to_regclass", "pg_get_serial_sequence")
	return cast || named
}

// isDotted reports whether a name at i is followed by a dot and something else.
func (s *statement) isDotted(i int) bool {
	after := s.at(i + 2)
	return s.at(i).identifies() && s.at(i+1).isSymbol(".") && (after.identifies() || after.isSymbol("*")) && !isNumber(s.at(i))
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

func isNumber(t token) bool { return t.kind == word && strings.Trim(t.text, "0123456789") == "" }
