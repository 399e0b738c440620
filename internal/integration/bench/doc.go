// Package bench measures what it costs to keep an ent client inside one
// tenant. It holds one small shop, generated three times, for four variants:
//
//   - plain: ent without tenancy;
//   - predicate: the same client, with order.TenantID(id) and SetTenantID(id)
//     written by hand in every place, which is what the others are compared to;
//   - entql: the filter in a privacy policy that ent's documentation shows;
//   - tenancy: this library.
//
// Every variant does the same operations on two backends: a stub driver that
// answers without a database, so that all of the time is the client's, and an
// SQLite database in memory.
//
// BenchmarkOperation is for `go test -bench` and its profiles. BenchmarkTable
// makes the tables of docs/benchmarks-runs.md: it runs the variants in turns, in
// random order, and compares within each turn, so that what else the machine
// does cancels out.
package bench
