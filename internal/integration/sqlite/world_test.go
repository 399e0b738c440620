package sqlite_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
)

// world is a directory with the files of a hybrid: one of global tables, a home
// of shared ones, and tenants with files.
type world struct {
	dir    string
	config sqlite.Config
	files  *sqlite.Files
	drv    *driver.Driver
	client *ent.Client
	shared, one, two, own,
	missing tenancy.Tenant // missing has no file
}

// newWorld makes a world in a directory whose name has to be quoted everywhere.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "it's a?dir %41&b#c;")
	must(t, os.MkdirAll(filepath.Join(dir, "tenants"), 0o700))
	w := &world{dir: dir}
	w.config = sqlite.Config{
		Driver: &modernc.Driver{}, Dir: filepath.Join(dir, "tenants"), Metadata: migrate.Tenancy,
		Global: filepath.Join(dir, "global.db"), Home: filepath.Join(dir, "home.db"),
	}
	w.shared = tenancy.Tenant{ID: "shared", Isolation: tenancy.IsolationShared}
	w.one, w.two, w.missing = tenant("one"), tenant("two"), tenant("missing")
	w.own = tenancy.Tenant{ID: "own", Isolation: tenancy.IsolationDatabase}
	w.own.Placement.DatabaseURL = tenancy.NewSecret(fileURL(filepath.Join(dir, "own.sqlite")))

	var err error
	w.files, err = sqlite.New(w.config)
	must(t, err)
	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	must(t, err)
	migrateTo(t, w.config.Global, globals)
	migrateTo(t, w.config.Home, tenants)
	for _, tenant := range []tenancy.Tenant{w.one, w.two, w.own} {
		migrateTo(t, w.path(t, tenant), tenants)
	}
	w.open(t)
	return w
}

// open opens the driver of a world.
func (w *world) open(t *testing.T) {
	t.Helper()
	var err error
	w.drv, err = driver.New(pool(w.files.Home()), driver.Config{
		System: pool(w.files.System()), Databases: driver.Databases{Open: w.files.Open},
	})
	must(t, err)
	t.Cleanup(func() { must(t, w.drv.Close()) })
	w.client = ent.NewClient(ent.TenancyDriver(w.drv))
}

func (w *world) path(t *testing.T, tenant tenancy.Tenant) string {
	t.Helper()
	path, err := w.files.Path(tenant)
	must(t, err)
	return path
}

// all are the tenants that have a place.
func (w *world) all() []tenancy.Tenant {
	return []tenancy.Tenant{w.shared, w.one, w.two, w.own}
}

func tenant(name string) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID("t-" + name), Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: name}}
}

func as(t *testing.T, tenant tenancy.Tenant) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenant)
}

func system(t *testing.T) context.Context {
	t.Helper()
	return tenancy.System(t.Context(), "test")
}

func fileURL(path string) string {
	u := url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path)}
	return u.String()
}

func pool(connector sqldriver.Connector) *entsql.Driver {
	return entsql.OpenDB(dialect.SQLite, sql.OpenDB(connector))
}

// plain opens a file past everything that is tested.
func plain(t *testing.T, path string) *sql.DB {
	t.Helper()
	return openURL(t, fileURL(path)+"?_pragma=foreign_keys(1)&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)")
}

func openURL(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", address)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func migrateTo(t *testing.T, path string, tables []*entschema.Table) {
	t.Helper()
	db := plain(t, path)
	defer db.Close()
	must(t, migrate.Create(t.Context(), migrate.NewSchema(entsql.OpenDB(dialect.SQLite, db)), tables))
}

func run(t *testing.T, path string, query string) {
	t.Helper()
	db := plain(t, path)
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// names returns what a query of one column finds.
func names(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	found, err := column(db.QueryContext(t.Context(), query))
	must(t, err)
	return found
}

// column reads and closes rows of one column.
func column(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	return found, rows.Err()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
