// Package schema holds the ent schema of the tenant registry.
package schema
