package drivers_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// cell is one combination of isolation and database.
type cell struct {
	name   string
	number int
	// open returns the cell's places, with tables and without rows.
	open func(*testing.T) *isolation.Database
	// leaks says which of isolation.KnownLeaks get through. Nil means none.
	leaks func(name string) bool
}

func all(string) bool { return true }

func cells() []cell { return slices.Concat(postgresCells(), mariaDBCells(), sqliteCells()) }

// each runs a test in all cells at once. They are opened one after the other,
// since ent's migration writes to variables of the generated package.
func each(t *testing.T, test func(*testing.T, cell, *isolation.Database)) {
	for i, c := range cells() {
		c.number = i
		t.Run(c.name, func(t *testing.T) {
			db := c.open(t)
			t.Parallel()
			test(t, c, db)
		})
	}
}

// attacked returns a database whose client is on the driver of a home.
func attacked(t *testing.T, home dialect.Driver, config driver.Config) *isolation.Database {
	t.Helper()
	drv, err := driver.New(home, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = drv.Close() })
	return &isolation.Database{
		Driver:  drv,
		Options: []ent.Option{ent.TenancyDriver(drv)},
		Dialect: home.Dialect(),
		Scoped:  true,
	}
}

// open returns a pool that is closed with the test.
func open(t *testing.T, name, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(name, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// tables makes tables with ent's automatic migration.
func tables(t *testing.T, kind, name, dsn string, all []*schema.Table, options func(*entsql.Driver) []schema.MigrateOption) {
	t.Helper()
	drv := entsql.OpenDB(kind, open(t, name, dsn))
	if err := migrate.Create(t.Context(), migrate.NewSchema(drv), all, options(drv)...); err != nil {
		t.Fatal(err)
	}
}

func plain(*entsql.Driver) []schema.MigrateOption { return nil }

// halves returns the tables of tenants, and everybody's.
func halves(t *testing.T) (tenants, globals []*schema.Table) {
	t.Helper()
	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	if err != nil {
		t.Fatal(err)
	}
	return tenants, globals
}

// ofTenants returns the tables of a tenant's own place.
func ofTenants(t *testing.T) []*schema.Table {
	t.Helper()
	tenants, _ := halves(t)
	return tenants
}

// ofHome returns the tables of a home with tenants elsewhere: with the keys that shared
// tables have to global ones, and without those that global ones have to tenants' rows,
// which may be elsewhere.
func ofHome(t *testing.T) []*schema.Table {
	t.Helper()
	all, err := schema.CopyTables(migrate.Tables)
	if err != nil {
		t.Fatal(err)
	}
	_, globals := halves(t)
	for _, table := range all {
		if i := slices.IndexFunc(globals, func(g *schema.Table) bool { return g.Name == table.Name }); i >= 0 {
			table.ForeignKeys = slices.DeleteFunc(table.ForeignKeys, func(fk *schema.ForeignKey) bool {
				return !slices.ContainsFunc(globals[i].ForeignKeys, func(kept *schema.ForeignKey) bool { return kept.Symbol == fk.Symbol })
			})
		}
	}
	return all
}

// ids returns two tenants' ids, which differ only by case.
func ids() (a, b tenancy.ID) {
	name := "k" + randomName()[:11]
	return tenancy.ID(name), tenancy.ID(strings.ToUpper(name))
}

// randomName returns letters and digits that nobody else has.
func randomName() string { return strings.ToLower(rand.Text()) }

// spans reports what a tenant with a database of its own cannot do.
func spans(err error) bool { return errors.Is(err, driver.ErrSpansDatabases) }

func exec(ctx context.Context, t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(ctx, s); err != nil {
			t.Fatalf("%v: %s", err, s)
		}
	}
}
