// Package isolation is the proof that nobody gets from one tenant to another
// from inside ent: a table of attacks, each a function over a generated client.
//
// # How an attack is judged
//
// Each attack acts as tenant A in a [World] that two tenants share: ids that
// differ only by case, rows of every entity, every kind of edge, links that
// cross tenants as legacy data would hold them, and global rows. It records
// what it was given with the methods of [Act]. Afterwards, whatever it did:
//
//   - nothing that it was given, errors included, holds a marker, a tenant id,
//     a row id or a number of B's;
//   - every row in the database that is not A's, in join tables too, is byte
//     for byte what it was before;
//   - no row links to a row of another tenant that did not do so before.
//
// Attacks hold positive controls as well, so that a client that never returns
// anything does not pass.
//
// # Where tenants live
//
// The tenants' rows are in one place or in several: a [Database] says how to
// reach each of them past the driver, and a row of A's anywhere but in A's place
// is a leak. Rows that link tenants stay as they are, also where the other end is
// elsewhere, as a copy of old data would have them.
//
// On a driver that holds each statement to a scope, every statement is watched:
// one without a scope, or of another scope than its transaction's, has to be
// refused. What a driver refuses as documented does not count against it, and
// attacks that get less for it are counted, so that one that refuses everything
// does not pass.
//
// # How it is run
//
// [Run] runs attacks plain, inside transactions and through Debug, over any
// [Database]: every isolation mode and dialect runs the same table.
// [KnownLeaks] is what ent lets through as text, and only the database can stop.
package isolation
