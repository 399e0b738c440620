package lint

import (
	"strings"

	"entgo.io/ent/dialect"
)

// foldsIDs names the collation or character set that an ALTER TABLE of MySQL gives
// to columns that are there, or to those that name none, if it is not a binary one:
// it may be that of the tenant column, and then acme and ACME are one tenant.
func (s *statement) foldsIDs(f *file) string {
	_, actions, _ := s.altered()
	for _, a := range actions {
		if f.dialect != dialect.MySQL || a.at(0).Is("ADD", "ALTER", "DROP", "RENAME") { // which leave it as it is
			continue
		}
		if collation := a.outer().inexact(); collation != "" {
			return collation
		}
	}
	return ""
}

// inexact is a collation, or a character set and so its collation, that takes
// different texts for equal.
func (s *statement) inexact() string {
	if i := s.find(0, "COLLATE"); i >= 0 {
		collation := s.option(i + 1)
		if collation == "binary" || strings.HasSuffix(collation, "_bin") {
			return ""
		}
		return collation
	}
	if s.find(0, "BINARY") >= 0 { // its binary one, and the character set
		return ""
	}
	if i := s.find(0, "CHARSET"); i >= 0 {
		return s.option(i + 1)
	}
	for i := range s.tokens {
		if s.at(i).Is("CHARACTER", "CHAR") && s.at(i+1).Is("SET") {
			return s.option(i + 2)
		}
	}
	return ""
}

// option is the value of an option, with or without an equals sign before it.
func (s *statement) option(i int) string {
	if s.at(i).IsSymbol("=") {
		i++
	}
	return strings.ToLower(s.at(i).Text)
}
