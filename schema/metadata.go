package schema

// Metadata describes the tables of an ent schema as far as tenancy is
// concerned. entext generates one as migrate.Tenancy; the DDL that lets the
// database defend itself (composite keys, row-level security) is made from it.
type Metadata struct {
	// Tables are the tables that hold rows of tenants.
	Tables []Table
	// Globals are the names of the ent schemas of global entities, whose rows stay in
	// the home when tenants have a schema or database of their own.
	Globals []string
	// GlobalPaths are how the database, with a tenant's row in shared tables, deletes
	// or changes rows of others: over global rows that go with it, and that any tenant
	// may have rows on. ent's own deletions refuse that; what deletes by SQL looks here.
	GlobalPaths []Path
	// Unqualified says that the client does not tell package driver whose tables it
	// means: it was generated without entext.Extension{Placement: true}. It is false
	// as well where nobody knows, as in metadata that was read from a database.
	Unqualified bool
}

// Table is one table that holds rows of tenants, an entity's or a join table.
type Table struct {
	// Name is the table's name in the database.
	Name string
	// Entity is the name of the ent schema, empty for a join table.
	Entity string
	// TenantColumn is the column with the tenant's id, ColumnType its type.
	TenantColumn string
	ColumnType   ColumnType
	// PrimaryKey is the columns of the primary key.
	PrimaryKey []string
	// ForeignKeys is the keys to other tables that hold rows of tenants.
	ForeignKeys []ForeignKey
}

// ForeignKey is a key from one table with rows of tenants to another, which a
// composite key can hold to one tenant.
type ForeignKey struct {
	// Symbol is the constraint's name.
	Symbol string
	// Column refers to RefColumn of RefTable, whose tenant column is RefTenantColumn.
	Column          string
	RefTable        string
	RefColumn       string
	RefTenantColumn string
	// OnDelete is the action as SQL writes it, such as "CASCADE"; empty for the default.
	OnDelete string
	// HoldsTenant says that the key has the tenant columns in it, as it is in the
	// database, so that it leads to no other tenant. Generated metadata does not know.
	HoldsTenant bool
}

// Path is a path of foreign keys from a table of tenants to another one, or itself, over
// tables of global entities only.
type Path struct {
	// Table is the table that it begins at.
	Table string
	// Hops lead from there to the table at the end. All but the last have ON DELETE
	// CASCADE, and the rows of their tables are global.
	Hops []Hop
}

// Hop is a foreign key: Column of Table refers to RefColumn of the table before.
type Hop struct {
	// Symbol is the constraint's name.
	Symbol                   string
	Table, Column, RefColumn string
}
