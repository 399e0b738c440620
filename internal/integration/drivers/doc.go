// Package drivers runs what every combination of isolation and database has to
// withstand over one client and driver.New: package drivertest's conformance
// suite, and the attacks of package isolation.
package drivers
