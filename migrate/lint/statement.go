package lint

import (
	"slices"
	"strings"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// problem is a rule that a statement breaks.
type problem struct {
	rule    Rule
	message string
}

// statement is one of a file.
type statement struct{ tokens []statements.Token }

// at returns a token, the zero one past the end.
func (s *statement) at(i int) statements.Token {
	if i < 0 || i >= len(s.tokens) {
		return statements.Token{Kind: statements.Symbol}
	}
	return s.tokens[i]
}

// begins reports whether the statement begins with keywords.
func (s *statement) begins(keywords ...string) bool { return s.has(0, keywords...) }

// has reports whether keywords stand at a position.
func (s *statement) has(i int, keywords ...string) bool {
	for k, keyword := range keywords {
		if !s.at(i + k).Is(keyword) {
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
	for s.at(i).Is(keywords...) {
		i++
	}
	return i
}

// nameAt reads a name that may be qualified: its last part in lower case where
// it has no quotes, and the position after it.
func (s *statement) nameAt(i int) (last string, after int) {
	if !s.at(i).Identifies() {
		return "", i
	}
	for s.at(i+1).IsSymbol(".") && s.at(i+2).Identifies() {
		i += 2
	}
	return named(s.at(i)), i + 1
}

// named is the name that a token is: in lower case where it has no quotes.
func named(t statements.Token) string {
	if t.Kind == statements.Word {
		return strings.ToLower(t.Text)
	}
	return t.Text
}

// ifExists are the keywords between what a statement makes or drops and its name.
func ifExists() []string { return []string{"IF", "NOT", "EXISTS", "ONLY"} }

// created returns the table that the statement makes, and the position after its
// name.
func (s *statement) created() (table string, after int, ok bool) {
	if !s.begins("CREATE") {
		return "", 0, false
	}
	i := s.skip(1, "OR", "REPLACE", "TEMP", "TEMPORARY", "UNLOGGED", "GLOBAL", "LOCAL", "FOREIGN")
	if !s.at(i).Is("TABLE") {
		return "", 0, false
	}
	table, after = s.nameAt(s.skip(i+1, ifExists()...))
	return table, after, table != ""
}

// keepsTable reports a CREATE TABLE IF NOT EXISTS, after which a table may be the
// one that there was.
func (s *statement) keepsTable() bool {
	_, after, ok := s.created()
	i := s.find(0, "IF", "NOT", "EXISTS")
	return ok && i >= 0 && i < after
}

// altered returns the table that the statement alters, and its actions.
func (s *statement) altered() (table string, actions []*statement, ok bool) {
	if !s.begins("ALTER") {
		return "", nil, false
	}
	i := s.skip(1, "ONLINE", "OFFLINE", "IGNORE", "FOREIGN")
	if !s.at(i).Is("TABLE") {
		return "", nil, false
	}
	table, i = s.nameAt(s.skip(i+1, ifExists()...))
	switch {
	case s.at(i).IsSymbol("*"), s.at(i).Is("NOWAIT"):
		i++
	case s.at(i).Is("WAIT"):
		i += 2
	}
	for _, a := range split(s.tokens[min(i, len(s.tokens)):]) {
		actions = append(actions, a.each()...)
	}
	return table, actions, table != ""
}

// each divides MySQL's ADD (a int, b int) into one action for each column.
func (s *statement) each() []*statement {
	definitions := s.definitions(s.skip(1, "COLUMN"))
	if !s.begins("ADD") || definitions == nil {
		return []*statement{s}
	}
	var all []*statement
	for _, d := range definitions {
		all = append(all, &statement{append([]statements.Token{s.at(0)}, d.tokens...)})
	}
	return all
}

// renames returns the tables that the statement renames, each with its new name.
func (s *statement) renames() [][2]string {
	var all [][2]string
	if s.begins("RENAME") && s.at(1).Is("TABLE", "TABLES") {
		for _, pair := range split(s.tokens[s.skip(2, ifExists()...):]) {
			from, _ := pair.nameAt(0)
			to, _ := pair.nameAt(pair.find(0, "TO") + 1)
			all = append(all, [2]string{from, to})
		}
	}
	table, actions, _ := s.altered()
	for _, a := range actions {
		if a.begins("RENAME") && !a.at(1).Is("COLUMN", "CONSTRAINT", "INDEX", "KEY") && a.find(2, "TO") < 0 {
			to, _ := a.nameAt(a.skip(1, "TO", "AS"))
			all = append(all, [2]string{table, to})
		}
	}
	return all
}

// rowChange is an UPDATE, DELETE or MERGE, which may be in a WITH.
type rowChange struct {
	table string
	all   bool // it is a DELETE without a condition
}

// rowChanges returns what the statement does to rows that are there. What it
// makes for later, such as a trigger, does nothing yet.
func (s *statement) rowChanges() []rowChange {
	if _, _, ok := s.created(); s.begins("CREATE") && !ok {
		return nil
	}
	var changes []rowChange
	for i := range s.tokens {
		first := s.startsStatement(i) && !s.at(i-1).Is("THEN", "DO") && s.at(i).Is("UPDATE", "DELETE", "MERGE")
		if first || s.has(i, "DELETE", "FROM") {
			table, after := s.nameAt(s.skip(i+1, "FROM", "INTO", "ONLY", "LOW_PRIORITY", "QUICK", "IGNORE"))
			changes = append(changes, rowChange{table, s.at(i).Is("DELETE") && !s.hasCondition(after)})
		}
	}
	return changes
}

// hasCondition reports whether there is a WHERE after i, before the end of the
// parentheses that it is in.
func (s *statement) hasCondition(i int) bool {
	for depth := 0; i < len(s.tokens) && depth >= 0; i++ {
		switch t := s.tokens[i]; {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			depth--
		case depth == 0 && t.Is("WHERE"):
			return true
		}
	}
	return false
}

// outer returns the statement without what is in parentheses.
func (s *statement) outer() *statement {
	depth := 0
	var all []statements.Token
	for _, t := range s.tokens {
		if t.IsSymbol(")") {
			depth--
		}
		if depth <= 0 {
			all = append(all, t)
		}
		if t.IsSymbol("(") {
			depth++
		}
	}
	return &statement{all}
}

// end is the position of a keyword outside of parentheses, or that of the end.
func (s *statement) end(keyword string) int {
	depth := 0
	for i, t := range s.tokens {
		switch {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			depth--
		case depth == 0 && t.Is(keyword):
			return i
		}
	}
	return len(s.tokens)
}

// split divides tokens at the commas outside of parentheses.
func split(all []statements.Token) []*statement {
	depth, begin := 0, 0
	var parts []*statement
	for i, t := range all {
		if t.Kind != statements.Symbol {
			continue
		}
		switch t.Text {
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
	if !s.at(i).IsSymbol("(") {
		return nil
	}
	depth := 0
	for k := i; k < len(s.tokens); k++ {
		if t := s.tokens[k]; t.IsSymbol("(") {
			depth++
		} else if t.IsSymbol(")") {
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
