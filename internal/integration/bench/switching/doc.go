// Package switching measures what it costs to switch tenants on a real
// PostgreSQL: this library's driver in each isolation, beside ent without
// tenancy, the ways in which applications switch by hand, and pgx alone.
//
// Every alternative does the same four operations on the same rows: it reads a
// row by its key, lists 20 rows, inserts one, and does a transaction of three
// statements; from 1 and from 16 goroutines; directly, and through a proxy in
// a process of its own that puts 1 ms between the client and the server.
//
// BenchmarkSwitching makes the tables of docs/benchmarks-runs.md. The alternatives
// have short turns in random order, and each is compared to plain ent within
// the same round of turns, so that what else the machine does cancels out.
// TestRoundTrips holds how many round trips each operation takes.
package switching
