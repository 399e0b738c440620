package schema

// The schema names by which a generated client says whose tables it means, for
// package driver to replace. They stand in a statement quoted and before a dot:
//
//	SELECT * FROM "tenancy_tenant"."orders"
const (
	// TenantTables stands for where the tenant's own tables are.
	TenantTables = "tenancy_tenant"
	// GlobalTables stands for where the tables of global entities are.
	GlobalTables = "tenancy_global"
)
