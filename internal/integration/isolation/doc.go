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
// # How it is run
//
// [Run] runs attacks plain, inside transactions and through Debug, over any
// [Database]: every isolation mode and dialect runs the same table.
// [KnownLeaks] is what ent lets through as text, and only the database can stop.
package isolation
