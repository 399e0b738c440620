// Package privacy keeps an ent client inside one tenant. It is what the code
// that entext generates calls, and holds rules for users' own policies.
//
// # Where it stands
//
// ent evaluates interceptors, policies and hooks first; each of them can allow
// an operation, change it or be skipped. The functions here run after all of
// them, on the specification that ent is about to turn into SQL, so nothing
// above can undo what they add:
//
//   - Query, Select, Scan, GroupScan, HasNeighbors, Nested, EvalP, Own and
//     OrderByNeighborTerms put the tenant's condition on every row that is
//     read, in sub-queries and joins too;
//   - Create, CreateBulk, Update and Delete make sure that every row that is
//     written, linked, unlinked or swept away by a cascade is the tenant's own.
//
// Users of the library do not call these; their signatures belong to the
// generated code and may change with Protocol.
//
// # What fails, and how
//
// With no tenant in the context everything fails with tenancy.ErrNoTenant. A
// write that names another tenant or links to its rows fails with
// tenancy.ErrCrossTenant. A row of another tenant is otherwise simply not
// there: it is not found, not counted, not updated and not deleted.
//
// A tenancy.System scope is held back by no filter. Links are checked all the
// same, so that no System job leaves a row of one tenant pointing at another's.
//
// # What it cannot see
//
// SQL that is written as text, such as a sub-select in a raw predicate, a
// UNION or JOIN added through Modify, or ExecContext, passes through ent
// unread. Only the database can hold it: see docs/isolation.md.
package privacy
