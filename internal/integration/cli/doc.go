// Package cli tests the operator's tool, cmd/tenancy, as its users meet it: the
// built program, with a terminal and without, on real databases.
package cli
