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
