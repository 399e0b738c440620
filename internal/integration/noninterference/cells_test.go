package noninterference_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/noninterference"
)

// cells is every way of keeping tenants apart. Another one goes in here.
func cells() []noninterference.Cell {
	return slices.Concat(postgresCells(), mariaDBCells(), sqliteCells())
}

// connections is how many a pool of the application may have.
const connections = 6

// tenants are the property's tenants, as a registry has them before it places
// them. The isolations go round.
func tenants(isolations ...tenancy.Isolation) []tenancy.Tenant {
	var all []tenancy.Tenant
	for i, id := range noninterference.Identities() {
		all = append(all, tenancy.Tenant{ID: id, Isolation: isolations[i%len(isolations)]})
	}
	return all
}

// driven returns a place whose client is on the driver of a home.
func driven(tb testing.TB, home dialect.Driver, config driver.Config, tenants []tenancy.Tenant) *noninterference.Place {
	tb.Helper()
	config.Databases.MaxConnsPerTenant = connections
	drv, err := driver.New(home, config)
	must(tb, err)
	tb.Cleanup(func() { _ = drv.Close() })
	return &noninterference.Place{
		Driver: drv, Options: []ent.Option{ent.TenancyDriver(drv)}, Tenants: tenants,
		Connections: connections * (1 + len(tenants)),
	}
}

// open returns a pool that is closed with the test.
func open(tb testing.TB, name, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(name, dsn)
	must(tb, err)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// makeTables makes tables with ent's automatic migration.
func makeTables(tb testing.TB, kind, name, dsn string, tables []*entschema.Table, options func(*entsql.Driver) []entschema.MigrateOption) {
	tb.Helper()
	db, err := sql.Open(name, dsn)
	must(tb, err)
	defer db.Close()
	drv := entsql.OpenDB(kind, db)
	must(tb, migrate.Create(tb.Context(), migrate.NewSchema(drv), tables, options(drv)...))
}

func plain(*entsql.Driver) []entschema.MigrateOption { return nil }

// halves returns the tables of tenants, and everybody's.
func halves(tb testing.TB) (tenants, globals []*entschema.Table) {
	tb.Helper()
	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	must(tb, err)
	return tenants, globals
}

// makeGlobals makes the global rows.
func makeGlobals(tb testing.TB, db *sql.DB) {
	tb.Helper()
	for _, statement := range []string{
		"INSERT INTO countries (id, code) VALUES (1, 'country1'), (2, 'country2')",
		"INSERT INTO labels (id, name) VALUES (1, 'label1'), (2, 'label2')",
		"INSERT INTO accounts (id, login) VALUES (1, 'account1'), (2, 'account2')",
	} {
		_, err := db.ExecContext(tb.Context(), statement)
		must(tb, err)
	}
}

// tables is tables of tenants to be emptied, through a pool that sees all
// rows and takes several statements at once.
type tables struct {
	db     *sql.DB
	format string // of a name
}

// resets returns a function that removes the rows of tenants.
func resets(places ...tables) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, p := range places {
			var all strings.Builder
			// Each table before those that it refers to.
			for _, table := range []string{
				"order_labels", "user_groups", "user_friends", "user_following", "user_accounts", "memberships", "visits",
				"items", "profiles", "orders", "users", "groups", "teams", "clubs", "memos",
			} {
				fmt.Fprintf(&all, "DELETE FROM "+p.format+";", table)
			}
			if _, err := p.db.ExecContext(ctx, all.String()); err != nil {
				return err
			}
		}
		return nil
	}
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
