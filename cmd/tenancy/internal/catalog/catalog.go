// Package catalog reads from a database which of its tables hold rows of tenants.
// An application knows it from its generated code, which this tool does not have.
package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/mysql"
	atlaspg "ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// ownTables is what the names of this library's own tables begin with.
const ownTables = "tenancy_"

// Tenants returns the tables of a schema that have one of the tenant columns, in
// the order of their names. No schema is the connection's own. It fails where a
// table is behind the policy of driver/postgres and has none of the columns: what
// is done to the tables of tenants would leave it out.
func Tenants(ctx context.Context, db *sql.DB, dialectName, schemaName string, columns []string) (schema.Metadata, error) {
	found, err := inspect(ctx, db, dialectName, schemaName)
	if err != nil {
		return schema.Metadata{}, err
	}
	var m schema.Metadata
	for _, t := range found.Tables {
		if column := tenantColumn(t, columns); column != nil {
			m.Tables = append(m.Tables, table(t, column, columns))
		}
	}
	slices.SortFunc(m.Tables, func(a, b schema.Table) int { return strings.Compare(a.Name, b.Name) })
	m.GlobalPaths = globalPaths(found, columns)
	if dialectName == dialect.Postgres {
		err = complete(ctx, db, schemaName, m)
	}
	return m, err
}

// Loose returns the foreign keys between tables of tenants that do not include
// the tenant, as "table.key", and that could: on MySQL and SQLite one that sets
// null cannot, because it would clear the tenant too.
func Loose(ctx context.Context, db *sql.DB, dialectName, schemaName string, columns []string) ([]string, error) {
	found, err := inspect(ctx, db, dialectName, schemaName)
	if err != nil {
		return nil, err
	}
	var loose []string
	for _, t := range found.Tables {
		column := tenantColumn(t, columns)
		for _, fk := range t.ForeignKeys {
			if column == nil || fk.OnDelete == atlas.SetNull || tenantColumn(fk.RefTable, columns) == nil {
				continue
			}
			if _, has := fk.Column(column.Name); !has {
				loose = append(loose, t.Name+"."+fk.Symbol)
			}
		}
	}
	slices.Sort(loose)
	return loose, nil
}

func inspect(ctx context.Context, db *sql.DB, dialectName, schemaName string) (*atlas.Schema, error) {
	inspector, err := open(db, dialectName)
	if err == nil {
		var found *atlas.Schema
		if found, err = inspector.InspectSchema(ctx, schemaName, &atlas.InspectOptions{Mode: atlas.InspectSchemas | atlas.InspectTables}); err == nil {
			return found, nil
		}
	}
	return nil, fmt.Errorf("reading the catalog: %w", err)
}

func open(db *sql.DB, dialectName string) (migrate.Driver, error) {
	switch dialectName {
	case dialect.Postgres:
		return atlaspg.Open(db)
	case dialect.MySQL:
		return mysql.Open(db)
	default:
		return sqlite.Open(db)
	}
}

// tenantColumn returns the tenant column of a table, nil for a table without rows of tenants.
func tenantColumn(t *atlas.Table, columns []string) *atlas.Column {
	if t == nil || strings.HasPrefix(t.Name, ownTables) {
		return nil
	}
	for _, name := range columns {
		if column, ok := t.Column(name); ok {
			return column
		}
	}
	return nil
}

func table(t *atlas.Table, column *atlas.Column, columns []string) schema.Table {
	made := schema.Table{Name: t.Name, TenantColumn: column.Name, ColumnType: columnType(column)}
	if t.PrimaryKey != nil {
		for _, part := range t.PrimaryKey.Parts {
			if part.C != nil {
				made.PrimaryKey = append(made.PrimaryKey, part.C.Name)
			}
		}
	}
	for _, fk := range t.ForeignKeys {
		if key, ok := foreignKey(fk, column, columns); ok {
			made.ForeignKeys = append(made.ForeignKeys, key)
		}
	}
	return made
}

// columnType goes by what the database says: of a text that holds UUIDs it says text.
func columnType(column *atlas.Column) schema.ColumnType {
	switch column.Type.Type.(type) {
	case *atlas.UUIDType:
		return schema.UUID
	case *atlas.IntegerType:
		return schema.Int64
	default:
		return schema.String
	}
}

// foreignKey returns a key to another table of tenants, without its tenant column.
func foreignKey(fk *atlas.ForeignKey, column *atlas.Column, columns []string) (schema.ForeignKey, bool) {
	other := tenantColumn(fk.RefTable, columns)
	if other == nil {
		return schema.ForeignKey{}, false
	}
	key := schema.ForeignKey{Symbol: fk.Symbol, RefTable: fk.RefTable.Name, RefTenantColumn: other.Name}
	for i, c := range fk.Columns[:min(len(fk.Columns), len(fk.RefColumns))] {
		if c.Name != column.Name {
			key.Column, key.RefColumn = c.Name, fk.RefColumns[i].Name
		} else if fk.RefColumns[i].Name == other.Name {
			key.HoldsTenant = true
		}
	}
	if fk.OnDelete != atlas.NoAction {
		key.OnDelete = string(fk.OnDelete)
	}
	return key, key.Column != ""
}

// complete fails where a table has the policy and is not among the tables.
func complete(ctx context.Context, db *sql.DB, schemaName string, m schema.Metadata) error {
	names, err := Policied(ctx, db, schemaName)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(m.Tables, func(t schema.Table) bool { return t.Name == name }) {
			return fmt.Errorf("the table %q holds rows of tenants, and which column says whose is not known: set --tenant-column to all such columns", name)
		}
	}
	return nil
}

// Policied names the tables of a PostgreSQL schema that have the policy of package
// driver/postgres.
func Policied(ctx context.Context, db *sql.DB, schemaName string) (names []string, err error) {
	rows, err := db.QueryContext(ctx, "SELECT DISTINCT tablename::text FROM pg_policies WHERE schemaname = $1 AND policyname = $2 ORDER BY 1", schemaName, postgres.PolicyName)
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}
