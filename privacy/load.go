package privacy

import (
	"fmt"

	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// LoadNeighbors is for a query that loads an edge over a join table. ent is about
// to join that to s, and to choose its rows by a condition of s, which the query's
// predicates and modifiers may change, and which is all that holds it where the
// neighbors are everybody's. The function that it returns makes it a condition of
// the join instead, together with the tenant's. Without a tenant s fails.
func LoadNeighbors(s *sql.Selector, rows *sql.SelectTable, c Column) (chosen func()) {
	before := s.P()
	s.SetP(nil)
	return func() {
		chosen := s.P()
		s.SetP(before)
		if chosen == nil {
			deny(s, denied(fmt.Errorf("%w: a predicate takes the condition away by which an edge is loaded", tenancy.ErrCrossTenant)))
			return
		}
		s.OnP(chosen)
		joinOwn(s, rows, c)
	}
}

// joinOwn adds to the last join of s that its rows are the tenant's.
func joinOwn(s *sql.Selector, rows *sql.SelectTable, c Column) {
	scope, err := tenancy.ScopeFromContext(s.Context())
	if err != nil {
		deny(s, denied(err))
		return
	}
	if scope.System() {
		return
	}
	id, err := c.arg(scope)
	if err != nil {
		deny(s, err)
		return
	}
	s.OnP(sql.EQ(rows.C(c.Name), id))
}
