package driver

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// isRead reports whether a query does nothing but read, as far as its words say:
// one SELECT that locks no rows and puts them nowhere. So another connection may
// answer it, of a replica or outside of the transaction. Doubt means that it does
// more. What functions do is not looked at, unless their names speak of a lock.
func isRead(d, query string) bool {
	query = strings.Trim(query, "; \t\r\n")
	const verb = "SELECT"
	if len(query) <= len(verb) || !strings.EqualFold(query[:len(verb)], verb) {
		return false
	}
	if upper := strings.ToUpper(query); !slices.ContainsFunc(tellingParts(), func(part string) bool { return strings.Contains(upper, part) }) {
		return true
	}
	return !isUnclear(d, query) && !doesMore(sqltext.Of(d), query)
}

// tellingParts are those of which one is in every SELECT that does more than read:
// FOR UPDATE, LOCK IN SHARE MODE, INTO, and a statement behind it.
func tellingParts() []string { return []string{"FOR", "LOCK", "INTO", ";"} }

// isUnclear reports whether the server may take something in a query for a literal
// or a comment that [sqltext] does not, or the other way round.
func isUnclear(d, query string) bool {
	switch d {
	case dialect.Postgres:
		return strings.ContainsAny(query, "\\`") || opensDollarQuote(query)
	case dialect.MySQL:
		return strings.Contains(query, `\`) || strings.Contains(query, "/*!") || strings.Contains(query, "/*M!")
	}
	return false
}

// opensDollarQuote reports whether a query has a dollar that is not that of a parameter.
func opensDollarQuote(query string) bool {
	for _, after := range strings.Split(query, "$")[1:] {
		if after == "" || after[0] < '0' || after[0] > '9' {
			return true
		}
	}
	return false
}

// doesMore goes through the words of a SELECT.
func doesMore(syntax sqltext.Syntax, query string) bool {
	before := ""
	for token := range syntax.Tokens(query) {
		switch {
		case token == ";", isClause(token):
			return true
		case token == "(" && (strings.Contains(before, "LOCK") || before == `"` || before == "`"): // pg_advisory_lock, GET_LOCK
			return true
		}
		before = token
	}
	return false
}

// isClause reports whether a token begins a clause that does more than read. It may be
// behind a number or a parameter without a blank: servers read 1e5FOR UPDATE as 1e5 FOR UPDATE.
func isClause(token string) bool {
	number := strings.IndexByte("$0123456789", token[0]) >= 0
	return slices.ContainsFunc([]string{"FOR", "LOCK", "INTO"}, func(word string) bool {
		return token == word || number && strings.HasSuffix(token, word)
	})
}
