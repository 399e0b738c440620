// Package tableplaces has the question of package privacy to package driver's Driver
// where the tables are that a deletion reaches: those of a tenant need not be in the
// home, and foreign keys lead only from there to the global ones.
//
// It is asked as a query, since there may be drivers of others, ent's own or the
// application's, between the two. Neither knows the other.
package tableplaces

import (
	"context"
	"strings"

	"entgo.io/ent/dialect"
)

// Question is what a query scans into, for the drivers between.
type Question struct {
	// Table is the global one whose rows are deleted, and Tables are those of tenants that
	// hang on it.
	Table  string
	Tables []string
	// Apart says that the tenant has a schema of its own, beside the home's tables. Home
	// has the schema of those of the Tables that are there, for the tenants that share them.
	Apart bool
	Home  map[string]string
	// Globals is the schema by which the client names the global tables, if they are
	// in another database than the tenant's.
	Globals string
}

// Ask returns the answer for the tenant of the context. It fails where there is no driver
// that knows: ent's refuses to scan into a Question before it sends anything.
func Ask(ctx context.Context, drv dialect.Driver, table string, tables []string) (Question, error) {
	q := Question{Table: table, Tables: tables}
	err := drv.Query(ctx, "-- tenancy: where the tables of a deletion are", []any{}, &q)
	return q, err
}

// Named reports whether a table's schema is such a name: then there is a driver that knows.
func Named(schema string) bool { return strings.HasPrefix(schema, "tenancy_") }
