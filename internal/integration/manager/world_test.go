package manager_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	gomysql "github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/schema"
)

// notes is the one table of tenants.
func notes() schema.Metadata {
	return schema.Metadata{Tables: []schema.Table{{
		Name: "notes", Entity: "Note", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"},
	}}}
}

// notesTable makes it, on MySQL with the collation of the database.
const notesTable = "CREATE TABLE notes (id varchar(40) NOT NULL PRIMARY KEY, tenant_id varchar(100) NOT NULL, body varchar(100) NOT NULL)"

// migrations makes it as it has to be, and then what else is to be done, in a file each.
func migrations(tb testing.TB, d string, more ...string) fs.FS {
	tb.Helper()
	text := notesTable
	switch d {
	case dialect.Postgres:
		text += ";\n" + strings.Join(postgres.Policies(notes()), ";\n")
	case dialect.MySQL:
		text += " CHARSET utf8mb4 COLLATE utf8mb4_bin"
	}
	files, mem := fstest.MapFS{}, &atlas.MemDir{}
	for i, text := range append([]string{text + ";\n"}, more...) {
		name := fmt.Sprintf("2026010%d000000_notes.sql", i+1)
		must(tb, mem.WriteFile(name, []byte(text)))
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	sum, err := mem.Checksum()
	must(tb, err)
	hash, err := sum.MarshalText()
	must(tb, err)
	files[atlas.HashFileName] = &fstest.MapFile{Data: hash}
	return files
}

// configs are configurations of every kind of database, as an operator would
// write them.
func configs() map[string]func(testing.TB) manager.Config {
	return map[string]func(testing.TB) manager.Config{
		dialect.Postgres: postgresConfig, dialect.MySQL: mysqlConfig, dialect.SQLite: sqliteConfig,
	}
}

// postgresConfig has three roles; tenants that pay more have schemas.
func postgresConfig(tb testing.TB) manager.Config {
	tb.Helper()
	owner, app, system := servers.PostgresRoles(tb)
	return manager.Config{
		Database:  manager.DatabaseConfig{URL: tenancy.NewSecret(app), AdminURL: tenancy.NewSecret(owner), SystemURL: tenancy.NewSecret(system)},
		Isolation: manager.IsolationConfig{Premium: tenancy.IsolationSchema, PremiumPlans: []string{"gold"}},
	}
}

// mysqlConfig has tenants in shared tables, and databases for those that pay more.
// Who serves requests may use the home, and what is granted to it by and by.
func mysqlConfig(tb testing.TB) manager.Config {
	tb.Helper()
	admin := servers.MariaDB(tb)
	dsn, err := gomysql.ParseDSN(admin)
	must(tb, err)
	owner := url.URL{Scheme: "mysql", User: url.UserPassword(dsn.User, dsn.Passwd), Host: dsn.Addr, Path: "/" + dsn.DBName}
	app := owner
	app.User = url.UserPassword(mysqlUser(tb, admin, dsn.DBName))
	return manager.Config{
		Database:  manager.DatabaseConfig{URL: tenancy.NewSecret(app.String()), AdminURL: tenancy.NewSecret(owner.String())},
		Isolation: manager.IsolationConfig{Premium: tenancy.IsolationSchema, PremiumPlans: []string{"gold"}, Prefix: "t" + strings.ToLower(dsn.DBName[len(dsn.DBName)-8:]) + "_"},
	}
}

// mysqlUser makes a user that may read and write in one database.
func mysqlUser(tb testing.TB, admin, database string) (name, password string) {
	tb.Helper()
	db, err := sql.Open("mysql", admin)
	must(tb, err)
	name, password = "test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	tb.Cleanup(func() {
		_, err := db.ExecContext(context.WithoutCancel(tb.Context()), "DROP USER "+name)
		must(tb, errors.Join(err, db.Close()))
	})
	for _, statement := range []string{
		"CREATE USER " + name + " IDENTIFIED BY '" + password + "'",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON " + database + ".* TO " + name,
	} {
		_, err := db.ExecContext(tb.Context(), statement)
		must(tb, err)
	}
	return name, password
}

func sqliteConfig(tb testing.TB) manager.Config {
	tb.Helper()
	return manager.Config{
		Database:  manager.DatabaseConfig{URL: tenancy.NewSecret("sqlite://" + filepath.Join(tb.TempDir(), "shop.db"))},
		Isolation: manager.IsolationConfig{Premium: tenancy.IsolationSchema, PremiumPlans: []string{"gold"}},
	}
}

// open makes a Manager and starts it.
func open(tb testing.TB, config manager.Config, app manager.App) *manager.Manager {
	tb.Helper()
	app.Tenancy = notes()
	if app.Logger == nil {
		app.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	m, err := manager.New(tb.Context(), config, app)
	must(tb, err)
	tb.Cleanup(func() { must(tb, m.Close()) })
	must(tb, m.Start(tb.Context()))
	return m
}

// table is the one of the tenant in the context, in SQL by hand.
func table(d string) string {
	quote := `"`
	if d == dialect.MySQL {
		quote = "`"
	}
	if d == dialect.SQLite {
		return "notes"
	}
	return quote + schema.TenantTables + quote + "." + quote + "notes" + quote
}

// api writes and reads notes for whoever the request is for.
func api(m *manager.Manager) http.Handler {
	mux := http.NewServeMux()
	d := m.Driver().Dialect()
	mux.HandleFunc("POST /notes/{id}", func(w http.ResponseWriter, r *http.Request) {
		tenant, err := tenancy.FromContext(r.Context())
		if err == nil {
			_, err = m.Driver().ExecContext(r.Context(), fmt.Sprintf("INSERT INTO %s (id, tenant_id, body) VALUES ('%s', '%s', 'of %s')",
				table(d), r.PathValue("id"), tenant.ID, tenant.Identifier))
		}
		answer(w, "", err)
	})
	mux.HandleFunc("GET /notes", func(w http.ResponseWriter, r *http.Request) {
		rows, err := m.Driver().QueryContext(r.Context(), "SELECT body FROM "+table(d)+" ORDER BY id")
		if err != nil {
			answer(w, "", err)
			return
		}
		defer rows.Close()
		var all []string
		for rows.Next() {
			var body string
			if err = rows.Scan(&body); err != nil {
				break
			}
			all = append(all, body)
		}
		if err == nil {
			err = rows.Err()
		}
		answer(w, strings.Join(all, ","), err)
	})
	return m.Handler(mux)
}

func answer(w http.ResponseWriter, text string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = io.WriteString(w, text)
}

// ask sends a request for a tenant and returns what comes.
func ask(tb testing.TB, h http.Handler, method, path, tenant string) (int, string) {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), method, path, nil)
	r.Header.Set("X-Tenant-ID", tenant)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
