package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/migrate/internal/statements"
	"github.com/entenancy/tenancy/schema"
)

// opensPolicy reports a policy that may show a tenant what is not its own:
// permissive policies add up, and restrictive ones only take away.
func (s *statement) opensPolicy() bool {
	table, after := s.nameAt(s.find(0, "ON") + 1)
	if !s.begins("CREATE", "POLICY") || s.has(after, "AS", "RESTRICTIVE") {
		return false
	}
	column, _ := s.nameAt(s.find(0, "USING") + 2)
	return !s.isWritten(table, column)
}

// weakensTrigger reports a trigger in the place of the one that refuses cascades.
func (s *statement) weakensTrigger() bool {
	i := s.skip(1, "OR", "REPLACE", "CONSTRAINT")
	if name, _ := s.nameAt(i + 1); !s.begins("CREATE") || !s.at(i).Is("TRIGGER") || name != postgres.PolicyName {
		return false
	}
	table, _ := s.nameAt(s.find(i, "ON") + 1)
	column, _ := s.nameAt(s.find(i, "OLD") + 2)
	return !s.isWritten(table, column)
}

// weakensFunction reports the function of the trigger being dropped, altered, or
// made as another one.
func (s *statement) weakensFunction() bool {
	i := s.skip(1, "OR", "REPLACE")
	if !s.at(0).Is("CREATE", "ALTER", "DROP") || !s.at(i).Is("FUNCTION", "ROUTINE") {
		return false
	}
	if s.begins("CREATE") {
		name, _ := s.nameAt(i + 1)
		return name == postgres.PolicyName && !s.isWritten("", "")
	}
	return slices.ContainsFunc(s.tokens, func(t statements.Token) bool { return t.Identifies() && named(t) == postgres.PolicyName })
}

// isWritten reports a statement that package driver/postgres writes for a table
// with a tenant column, or has written before. A policy may have another name.
func (s *statement) isWritten(table, column string) bool {
	own := s.made()
	return slices.ContainsFunc(written(table, column), func(text string) bool {
		want := (&statement{statements.Tokens(dialect.Postgres, text)}).made()
		if s.begins("CREATE", "POLICY") && len(own) > 1 && len(want) > 1 {
			return slices.EqualFunc(want[2:], own[2:], same)
		}
		return slices.EqualFunc(want, own, same)
	})
}

// made is a statement after CREATE OR REPLACE, without its semicolon.
func (s *statement) made() []statements.Token {
	all := s.tokens[s.skip(1, "OR", "REPLACE"):]
	if n := len(all); n > 0 && all[n-1].IsSymbol(";") {
		all = all[:n-1]
	}
	return all
}

// written is what protects a table, for each type of its tenant column.
func written(table, column string) []string {
	var all []string
	for _, c := range []schema.ColumnType{schema.String, schema.UUID, schema.Int64} {
		t := schema.Table{Name: table, TenantColumn: column, ColumnType: c}
		all = append(all, postgres.Policies(schema.Metadata{Tables: []schema.Table{t}})...)
	}
	for _, text := range slices.Clone(all) { // until 007 was not the tenant 7 any more
		const id = "NULLIF(current_setting('" + postgres.Setting + "', true), '')"
		if strings.Contains(text, "SELECT "+id) || strings.Contains(text, " <> "+id) {
			all = append(all, strings.ReplaceAll(text, id, id+"::uuid"), strings.ReplaceAll(text, id, id+"::bigint"))
		}
	}
	return all
}

// same reports whether a token is the one that is wanted. A name may have quotes or
// not, and a keyword has none.
func same(want, got statements.Token) bool {
	switch {
	case want.Kind == statements.Name, want.Is(postgres.PolicyName):
		return got.Identifies() && named(got) == want.Text
	case want.Kind == statements.Word:
		return got.Is(want.Text)
	default:
		return got == want
	}
}

// widensGrant names a right to tables that a GRANT gives, and that row-level
// security does not hold, or that lets a role read or change others' rows.
func (s *statement) widensGrant() string {
	on := s.find(0, "ON")
	if !s.begins("GRANT") || on < 0 || s.at(s.skip(on+1, "ALL")).Is(noTables()...) {
		return ""
	}
	for _, right := range split(s.tokens[1:on]) {
		if !right.at(0).Is("SELECT", "INSERT", "UPDATE", "DELETE") {
			return strings.ToUpper(right.at(0).Text)
		}
	}
	return ""
}

// noTables are the words after GRANT … ON for what is no table.
func noTables() []string {
	return []string{
		"SEQUENCE", "SEQUENCES", "FUNCTION", "FUNCTIONS", "PROCEDURE", "PROCEDURES", "ROUTINE", "ROUTINES", "TYPE", "DOMAIN",
		"SCHEMA", "DATABASE", "LANGUAGE", "LARGE", "FOREIGN", "PARAMETER", "TABLESPACE",
	}
}
