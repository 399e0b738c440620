// Package drivertest is what a combination of a home, tenants' places and
// driver.New has to do, whatever the isolation and the database. It is for the
// authors of homes, and of what opens tenants' databases:
//
//	func TestConformance(t *testing.T) {
//		drivertest.Run(t, drivertest.Cell{
//			Home:    func(tb testing.TB) dialect.Driver { return openHome(tb) },
//			Tenants: tenants,
//			Held:    true,
//		})
//	}
//
// # What a cell has to bring
//
// Tenants that have their places, and two tables, whose statements [TenantTable]
// and [GlobalTable] return: the first in the place of each tenant and in the
// home, the second in the home, where the global tables are. What else keeps
// tenants apart, such as policies, is on them.
//
// The suite leaves rows behind, and minds none that are there. It closes what it
// opens. Its parts run one after the other, so a home may allow few connections:
// four are enough.
package drivertest
