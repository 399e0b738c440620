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
//   - Query, Select, Scan, GroupScan, HasNeighbors, Nested, Linked, FromLinks,
//     EvalP, Own and OrderByNeighborTerms put the tenant's condition on every row
//     that is read or joined over, in sub-queries too;
//   - Create, CreateBulk, Update and Delete make sure that every row that is
//     written, linked, unlinked or swept away by a cascade is the tenant's own.
//
// Users of the library do not call these; their signatures belong to the
// generated code and may change with Protocol.
//
// # What fails, and how
//
// With no tenant in the context everything fails with tenancy.ErrNoTenant, but
// for reading global entities and writing those that are Writable, as long as
// no tenant's rows have a part in it; writing the others is tenancy.ErrGlobalWrite,
// whoever the tenant is. A write that creates a row for another tenant or links to
// its rows fails with tenancy.ErrCrossTenant; where Modify or an upsert sets the
// tenant column, it stays what it is, or the write is refused. A row of another
// tenant is otherwise simply not there: it is not found, not counted, not updated
// and not deleted.
//
// A tenancy.System scope is held back by no filter. Links are checked all the
// same, so that no System job leaves a row of one tenant pointing at another's.
// One that moves a row to another tenant, by setting its tenant column in
// Modify, has to see to the row's links itself. Rows of several tenants may be
// linked to one global row.
//
// Errors can be told by errors.Is, but in three cases, of which ent keeps only the text:
//
//   - what a selector is given while a query is built, such as ErrNoTenant of a predicate on
//     the edge of a global entity, or ErrNotInstalled of reading a global entity;
//   - what a user's own predicate or modifier adds to the builder;
//   - what a sub-query meets.
//
// # What it cannot see
//
// SQL that is written as text, such as a sub-select in a raw predicate, a
// UNION or JOIN added through Modify, or ExecContext, passes through ent
// unread. Only the database can hold it: see docs/isolation.md.
package privacy
