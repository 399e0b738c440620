package lint

import (
	"slices"
	"strings"
)

// problem is a rule that a statement breaks.
type problem struct {
	rule    Rule
	message string
}

// statement is one of a file.
type statement struct{ tokens []token }

// at returns a token, the zero one past the end.
func (s *statement) at(i int) token {
	if i < 0 || i >= len(s.tokens) {
		return token{kind: symbol}
	}
	return s.tokens[i]
}

// begins reports whether the statement begins with keywords.
func (s *statement) begins(keywords ...string) bool { return s.has(0, keywords...) }

// has reports whether keywords stand at a position.
func (s *statement) has(i int, keywords ...string) bool {
	for k, keyword := range keywords {
		if !s.at(i + k).is(keyword) {
			return false
		}
	}
	return true
}

// find returns the first position of keywords from i on, or -1.
func (s *statement) find(i int, keywords ...string) int {
	for ; i < len(s.tokens); i++ {
		if s.has(i, keywords...) {
			return i
		}
	}
	return -1
}

// skip returns the position after keywords that may stand at i, in any order.
func (s *statement) skip(i int, keywords ...string) int {
	for s.at(i).is(keywords...) {
		i++
	}
	return i
}

// nameAt reads a name that may be qualified: its last part in lower case where
// it has no quotes, and the position after it.
func (s *statement) nameAt(i int) (last string, after int) {
	if !s.at(i).identifies() {
		return "", i
	}
	for s.at(i+1).text == "." && s.at(i+1).kind == symbol && s.at(i+2).identifies() {
		i += 2
	}
	t := s.at(i)
	if t.kind == word {
		return strings.ToLower(t.text), i + 1
	}
	return t.text, i + 1
}

// ifExists are the keywords between what a statement makes or drops and its name.
func ifExists() []string { return []string{"IF", "NOT", "EXISTS", "ONLY"} }

// created returns the table that the statement makes.
func (s *statement) created() (table string, after int, ok bool) {
	if !s.begins("CREATE") {
		return "", 0, false
	}
	i := s.skip(1, "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL")
	if !s.at(i).is("TABLE") {
		return "", 0, false
	}
	table, after = s.nameAt(s.skip(i+1, ifExists()...))
	return table, after, table != ""
}

// altered returns the table that the statement alters, and its actions.
func (s *statement) altered() (table string, actions []*statement, ok bool) {
	if !s.begins("ALTER", "TABLE") {
		return "", nil, false
	}
	table, i := s.nameAt(s.skip(2, ifExists()...))
	if s.at(i).text == "*" {
		i++
	}
	return table, split(s.tokens[min(i, len(s.tokens)):]), table != ""
}

// split divides tokens at the commas outside of parentheses.
func split(all []token) []*statement {
	depth, begin := 0, 0
	var parts []*statement
	for i, t := range all {
		if t.kind != symbol {
			continue
		}
		switch t.text {
		case "(":
			depth++
		case ")":
			depth--
		case ",":
			if depth == 0 {
				parts = append(parts, &statement{all[begin:i]})
				begin = i + 1
			}
		case ";":
			if depth == 0 {
				return append(parts, &statement{all[begin:i]})
			}
		}
	}
	return append(parts, &statement{all[begin:]})
}

// definitions returns what stands between the parentheses that begin at i.
func (s *statement) definitions(i int) []*statement {
	if s.at(i).text != "(" {
		return nil
	}
	depth := 0
	for k := i; k < len(s.tokens); k++ {
		if t := s.tokens[k]; t.kind == symbol && t.text == "(" {
			depth++
		} else if t.kind == symbol && t.text == ")" {
			if depth--; depth == 0 {
				return split(s.tokens[i+1 : k])
			}
		}
	}
	return nil
}

// problems returns the rules that a statement of a file breaks.
func (s *statement) problems(f *file) []problem {
	return slices.Concat(s.transaction(f), s.outside(f), s.qualified(f), s.destructive(f), s.locking(f), s.isolation(f))
}
