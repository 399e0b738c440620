// Package storm holds the test of a deployment in bad weather: one client for
// tenants in shared tables, behind row-level security, in schemas and in
// databases of their own, on a PostgreSQL server that is restarted while
// connections are killed, contexts cancelled, tables altered and a tenant moved
// from one place to the next.
//
// Every worker acts for one tenant on rows of its own, and knows what each of
// them has to be. Where an operation was interrupted the rows may be as they were
// or as they should have become, all of them alike, and the worker leaves them
// alone from then on. What was acknowledged has to be there whenever it is read.
//
// `make test` has every kind of event a few times; with TENANCY_TEST_SLOW=1
// they go on for a minute.
package storm
