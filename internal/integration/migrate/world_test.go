package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// files is a migration directory: the text of each file by its name.
type files map[string]string

// fsys returns the files with their atlas.sum.
func (f files) fsys(tb testing.TB) fstest.MapFS {
	tb.Helper()
	all, mem := fstest.MapFS{}, &atlas.MemDir{}
	for name, text := range f {
		all[name] = &fstest.MapFile{Data: []byte(text)}
		if err := mem.WriteFile(name, []byte(text)); err != nil {
			tb.Fatal(err)
		}
	}
	sum, err := mem.Checksum()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		tb.Fatal(err)
	}
	all[atlas.HashFileName] = &fstest.MapFile{Data: text}
	return all
}

func directory(tb testing.TB, dialectName string, f files) *migrate.Directory {
	tb.Helper()
	return read(tb, dialectName, f.fsys(tb))
}

func read(tb testing.TB, dialectName string, fsys fs.FS) *migrate.Directory {
	tb.Helper()
	d, err := migrate.NewDirectory(fsys, dialectName)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// fleet is a home and its tenants.
type fleet struct {
	t       testing.TB
	dialect string
	home    *sql.DB
	url     string

	mu      sync.Mutex
	tenants []tenancy.Tenant
}

// newPostgres makes a home with tenants in schemas named t000, t001, ...
func newPostgres(tb testing.TB, tenants int) *fleet {
	tb.Helper()
	url := servers.Postgres(tb)
	f := &fleet{t: tb, dialect: dialect.Postgres, home: open(tb, "pgx", url), url: url}
	for i := range tenants {
		f.add(fmt.Sprintf("t%03d", i))
	}
	return f
}

func open(tb testing.TB, driver, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// add makes a schema, or on MySQL a database, for a new active tenant.
func (f *fleet) add(schema string) tenancy.Tenant {
	f.t.Helper()
	quoted := `"` + strings.ReplaceAll(schema, `"`, `""`) + `"`
	if f.dialect == dialect.MySQL {
		quoted = "`" + schema + "`"
	}
	f.exec("CREATE SCHEMA " + quoted)
	return f.record(f.tenantOf(schema))
}

func (f *fleet) record(tenant tenancy.Tenant) tenancy.Tenant {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenants = append(f.tenants, tenant)
	return tenant
}

func (f *fleet) forget(id tenancy.ID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tenants = slices.DeleteFunc(f.tenants, func(t tenancy.Tenant) bool { return t.ID == id })
}

// all is for Config.Tenants. Like a registry's pages it sees what is added meanwhile.
func (f *fleet) all(context.Context) iter.Seq2[tenancy.Tenant, error] {
	return func(yield func(tenancy.Tenant, error) bool) {
		for i := 0; ; i++ {
			f.mu.Lock()
			if i >= len(f.tenants) {
				f.mu.Unlock()
				return
			}
			tenant := f.tenants[i]
			f.mu.Unlock()
			if !yield(tenant, nil) {
				return
			}
		}
	}
}

func (f *fleet) exec(query string) {
	f.t.Helper()
	if _, err := f.home.ExecContext(f.t.Context(), query); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
}

// one scans the one value of a query.
func one[T any](tb testing.TB, db *sql.DB, query string) (value T) {
	tb.Helper()
	if err := db.QueryRowContext(tb.Context(), query).Scan(&value); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return value
}

// runner makes a runner of a directory, changed by configure.
func (f *fleet) runner(d *migrate.Directory, configure ...func(*migrate.Config)) *migrate.Runner {
	f.t.Helper()
	// On MySQL runs wait for each other, and so do tests.
	config := migrate.Config{Directory: d, Home: f.home, Tenants: f.all, LockWait: time.Minute}
	for _, c := range configure {
		c(&config)
	}
	r, err := migrate.New(config)
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

// apply runs and wants no failure.
func apply(tb testing.TB, r *migrate.Runner) migrate.Report {
	tb.Helper()
	report, err := r.Apply(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// failures runs and wants failures, which it returns by tenant.
func failures(tb testing.TB, r *migrate.Runner) (migrate.Report, map[tenancy.ID]migrate.Result) {
	tb.Helper()
	report, err := r.Apply(tb.Context())
	var partial *migrate.PartialError
	if !errors.As(err, &partial) {
		tb.Fatalf("want a PartialError, got %v", err)
	}
	by := map[tenancy.ID]migrate.Result{}
	for _, failure := range partial.Failures {
		by[failure.Tenant.ID] = failure
	}
	return report, by
}

func wantReport(tb testing.TB, got migrate.Report, applied, unchanged, failed, skipped int) {
	tb.Helper()
	got.Took = 0
	want := migrate.Report{Applied: applied, Unchanged: unchanged, Failed: failed, Skipped: skipped}
	if got != want {
		tb.Errorf("got %+v, want %+v", got, want)
	}
}

// sharedTenant is a tenant in the home's shared tables.
func sharedTenant() tenancy.Tenant {
	return tenancy.Tenant{ID: "shared", Identifier: "shared", Name: "shared", Status: tenancy.StatusActive}
}
