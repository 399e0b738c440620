// Package manager makes tenants and sees them through their life.
//
//	lifecycle, err := manager.NewLifecycle(manager.LifecycleConfig{
//		Store:      store, // the registry
//		Namespaces: map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas},
//		Migrations: runner, // brings the tables of one tenant up to date
//		Isolation: func(n registry.NewTenant) (tenancy.Isolation, error) {
//			if n.Plan == "enterprise" {
//				return tenancy.IsolationSchema, nil
//			}
//			return tenancy.IsolationRLS, nil
//		},
//		Shared: manager.SharedTables{Driver: drv, Metadata: migrate.Tenancy},
//		Lock:   namespace.PostgresLocker(db),
//	})
//
//	acme, err := lifecycle.Provision(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc.", Plan: "enterprise"})
//	acme, err = lifecycle.Suspend(ctx, acme.ID)
//	acme, err = lifecycle.Activate(ctx, acme.ID)
//	acme, err = lifecycle.Delete(ctx, acme.ID)  // soft: nothing is lost yet
//	acme, err = lifecycle.Restore(ctx, acme.ID) // and suspended
//	receipt, err := lifecycle.Erase(ctx, acme.ID)
//
// # Provisioning
//
// A tenant's record comes first, with its place, and is not served. Then its
// namespace is made, its tables, and what LifecycleConfig.Hooks puts into them;
// then all is checked, and then the tenant is active. Whatever fails or crashes,
// the tenant stays with tenancy.StatusProvisioning, its metadata says under
// [ProvisioningKey] what has failed, and
//
//	acme, err = lifecycle.Resume(ctx, acme.ID)
//
// goes on. Nothing is dropped for a failure, since what was made has the tenant's
// mark and is what Resume needs; to give up is to Erase.
//
// # Erasing
//
// Erase drops what was made for the tenant and bears its mark, or deletes its
// rows in all shared tables, in the order that foreign keys need, and counts
// again before it commits. The [Receipt] says what was there. A tenant of whom
// something is not the manager's to drop stays in the registry.
//
// # Ready beforehand
//
// With LifecycleConfig.Spares, namespaces are made and migrated before anybody
// asks, and a sign-up takes one:
//
//	go lifecycle.KeepSpares(ctx)
package manager
