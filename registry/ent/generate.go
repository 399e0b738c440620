// Package ent is the tenant registry as an ent client. All of it but the
// schema is generated; package registry is how an application uses it.
//
// The registry says where tenants are, so it belongs to none: nothing here is
// tenant-scoped, and contexts need no tenant.
package ent

//go:generate go run entc.go
