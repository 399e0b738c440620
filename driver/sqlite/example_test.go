package sqlite_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"os"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/schema"
)

// Every tenant has a file. The home is the file of the global tables.
func ExampleNew() {
	open := func(lite sqldriver.Driver, metadata schema.Metadata) (*driver.Driver, error) {
		files, err := sqlite.New(sqlite.Config{Driver: lite, Dir: "tenants", Global: "global.db", Metadata: metadata})
		if err != nil {
			return nil, err
		}
		home := entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.Home()))
		return driver.New(home, driver.Config{Databases: driver.Databases{Open: files.Open}})
	}
	_ = open // with &modernc.Driver{} and migrate.Tenancy
}

// Some tenants have a file, the others share one.
func ExampleFiles_System() {
	open := func(lite sqldriver.Driver, metadata schema.Metadata) (*driver.Driver, error) {
		files, err := sqlite.New(sqlite.Config{
			Driver: lite, Dir: "tenants", Global: "global.db", Home: "shared.db", Metadata: metadata,
		})
		if err != nil {
			return nil, err
		}
		return driver.New(
			entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.Home())),
			driver.Config{
				System:    entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.System())),
				Databases: driver.Databases{Open: files.Open},
			})
	}
	_ = open
}

// A new tenant's file must not be there yet. What migrates it opens it by its path.
func ExampleFiles_Path() {
	create := func(files *sqlite.Files, t tenancy.Tenant) error {
		path, err := files.Path(t)
		if err != nil {
			return err
		}
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		return file.Close()
	}
	_ = create
}
