// Package elsewhere has the question of package privacy to package driver's Driver
// which tables are in another database than those of a context's tenant. No foreign key
// leads there, and no statement can look there and here.
//
// It is asked as a query, since there may be drivers of others, ent's own or the
// application's, between the two. Neither knows the other.
package elsewhere

import (
	"context"

	"entgo.io/ent/dialect"
)

// Question is where the answer goes: what a query scans into, for the drivers between.
type Question struct{ schema string }

// Ask returns the schema by which the client names the tables that are elsewhere. It is
// empty where there are none, and where nobody knows: ent's driver refuses to scan into
// a Question before it sends anything.
func Ask(ctx context.Context, drv dialect.Driver) string {
	var q Question
	if err := drv.Query(ctx, "-- tenancy: which tables are in another database", []any{}, &q); err != nil {
		return ""
	}
	return q.schema
}

// Answer is for the driver that was asked.
func (q *Question) Answer(schema string) { q.schema = schema }
