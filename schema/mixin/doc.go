// Package mixin makes an ent schema tenant-scoped in one line:
//
//	func (Order) Mixin() []ent.Mixin {
//		return []ent.Mixin{mixin.Tenant{}}
//	}
//
// The schema gets a tenant_id that is filled in from the context and can never
// change, an index on it, a policy that refuses contexts without a tenant, and
// the mark by which entext generates the filter below hooks, interceptors and
// policies. Without that generated code every operation fails with
// tenancy.ErrNotInstalled.
package mixin
