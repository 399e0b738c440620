// Package noninterference is the proof that what a tenant sees depends on
// nothing that another does.
//
// # The property
//
// A program is what several tenants do with one generated client, at random:
// rows are created, alone and in bulk, changed and deleted by id and by
// predicate, upserted, linked and unlinked over every kind of edge, walked to,
// counted, sorted, paged and loaded with their neighbours, and SQL is written by
// hand, in transactions with savepoints and outside of them, some with ids of
// other tenants' rows. Contexts are cancelled and connections killed on the way.
//
// Each tenant has a model of its own, a small database in memory that knows
// no other tenant. The property holds if every answer that a tenant gets, an
// error of a constraint too, is the one that its model gives, and if all rows of
// all tenants are in the end what their models hold. It has three wordings:
//
//   - [Interleaved]: the steps of all tenants one after the other, their
//     transactions open at the same time;
//   - [Concurrent]: each tenant on a goroutine of its own;
//   - [Alone]: without a model. A tenant that does its steps alone is told what it
//     is told among the others, byte for byte.
//
// # What may or may not have happened
//
// Where an operation is interrupted, nobody knows whether it was done. The
// tenant's model then is in both states, until an answer that only one of them
// gives decides, and from then on it has to stay so. What ran is ended first: a
// server may otherwise go on with a statement that its client has given up.
//
// # How answers are the same for all
//
// Ids depend on other tenants where they share a table, so no answer shows one.
// Every row has a text with its tenant's letter and its key, and what a step's
// numbers choose is counted by what the tenant itself has done.
//
// # Cells
//
// A [Cell] is one way of keeping tenants apart on one database. The tests run
// every one there is. To add one is to say how to open it, how to empty it and
// how to kill its connections. TestItBites has cells that leak, and shows that
// the property finds them out, and in how few steps.
//
// # How much
//
// `make test` does some 10 000 operations, TENANCY_TEST_SLOW=1 ten times as many,
// and `make fuzz` as many as it is given time for. The flags of rapid say
// otherwise: -rapid.checks programs of -rapid.steps steps on average, for each
// wording in each cell. A failure is a minimal program, and the -rapid.seed
// that leads to it.
package noninterference
