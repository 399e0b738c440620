package cli_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

// notesTable is one table of tenants.
const notesTable = "CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id varchar(255) NOT NULL)"

// tool is the built program with an environment of its own.
type tool struct {
	dir string
	env []string
}

// run returns what the program prints, and fails the test unless it ends with the code.
func (c tool) run(tb testing.TB, code int, args ...string) string {
	tb.Helper()
	command := exec.CommandContext(tb.Context(), filepath.Join(program, "tenancy"), args...)
	command.Dir, command.Env = c.dir, c.env
	out, err := command.CombinedOutput()
	got, exit := 0, new(exec.ExitError)
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		tb.Fatal(err)
	}
	if got != code {
		tb.Fatalf("%s ended with %d:\n%s", strings.Join(args, " "), got, out)
	}
	return string(out)
}

// protectedNotes writes migrations of notes behind row-level security, and returns their text.
func protectedNotes(t *testing.T, dir string) string {
	t.Helper()
	notes := schema.Metadata{Tables: []schema.Table{{
		Name: "notes", Entity: "Note", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"},
	}}}
	text := notesTable + ";\n" + strings.Join(postgres.Policies(notes), ";\n") + ";\n"
	for _, directory := range []string{"tenant", "shared"} {
		if err := migration(filepath.Join(dir, "migrations", directory), "20260101000000_notes.sql", text); err != nil {
			t.Fatal(err)
		}
	}
	return text
}

// TestBaselineLeavesTheRegistryAlone has tables from before, and default privileges that give
// the role that serves what the tool makes for itself.
func TestBaselineLeavesTheRegistryAlone(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	dir := t.TempDir()
	if _, err := (database{driver: "pgx"}).open(t, owner).ExecContext(t.Context(), protectedNotes(t, dir)); err != nil {
		t.Fatal(err)
	}
	c := tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+app, "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_DATABASE_SYSTEM_URL="+system)}
	c.run(t, 0, "migrate", "baseline", "20260101000000")
	c.run(t, 0, "doctor")
	var may bool
	query := "SELECT has_table_privilege($1, 'atlas_schema_revisions', 'SELECT, INSERT, UPDATE, DELETE')"
	if err := (database{driver: "pgx"}).open(t, owner).QueryRowContext(t.Context(), query, userOf(t, app)).Scan(&may); err != nil || may {
		t.Errorf("the role that serves may use the record of migrations: %t, %v", may, err)
	}
}

// TestDoctorLooksAtRoles has the three of a deployment with row-level security, and default
// privileges as driver/postgres documents them.
func TestDoctorLooksAtRoles(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	dir := t.TempDir()
	protectedNotes(t, dir)
	with := func(system string) tool {
		return tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+app, "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_DATABASE_SYSTEM_URL="+system)}
	}
	as := database{driver: "pgx"}.open(t, owner)
	execute := func(statement string) {
		t.Helper()
		if _, err := as.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	finds := func(c tool, line string) {
		t.Helper()
		if out := c.run(t, 3, "doctor"); !regexp.MustCompile("(?m)^  problem  .*" + line).MatchString(out) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
	alone := tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+app)}
	if out := alone.run(t, 1, "migrate", "apply"); !strings.Contains(out, "TENANCY_DATABASE_ADMIN_URL has to be of the role that owns the home's tables") {
		t.Errorf("the role that serves may make no tables: %s", out)
	}
	with(system).run(t, 0, "migrate", "apply")
	with(system).run(t, 0, "doctor") // with nothing of the registry's left to the role that serves

	execute("GRANT SELECT ON tenancy_tenants TO " + userOf(t, app))
	finds(with(system), "may use public.tenancy_tenants, .*: REVOKE ALL ON public.tenancy_tenants FROM "+userOf(t, app)+"$")
	execute("REVOKE ALL ON tenancy_tenants FROM " + userOf(t, app))
	for _, role := range []string{app, owner} {
		finds(with(role), "shown no rows of public.notes .*BYPASSRLS")
	}
	execute("REVOKE ALL ON notes FROM " + userOf(t, system))
	finds(with(system), "table public.notes: .*System scopes fail: GRANT SELECT, INSERT, UPDATE, DELETE ON public.notes TO ")
}

// TestDoctorRefusesWhatStartRefuses has no tenant behind row-level security yet, and a table
// with a tenant column that is none of the application's.
func TestDoctorRefusesWhatStartRefuses(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	dir := t.TempDir()
	protectedNotes(t, dir)
	as := database{driver: "pgx"}.open(t, owner)
	execute := func(statement string) {
		t.Helper()
		if _, err := as.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	with := func(env ...string) tool {
		return tool{dir, append(append(os.Environ(), "TENANCY_DATABASE_URL="+app, "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_DATABASE_SYSTEM_URL="+system), env...)}
	}
	schemas := with("TENANCY_ISOLATION_DEFAULT=schema")
	premium := with("TENANCY_ISOLATION_DEFAULT=schema", "TENANCY_ISOLATION_PREMIUM=rls", "TENANCY_ISOLATION_PREMIUM_PLANS=gold")
	finds := func(c tool, code int, line string) {
		t.Helper()
		if out := c.run(t, code, "doctor"); !regexp.MustCompile("(?m)^  " + line).MatchString(out) {
			t.Errorf("%q is not in\n%s", line, out)
		}
	}
	with().run(t, 0, "migrate", "apply")
	schemas.run(t, 0, "doctor")
	premium.run(t, 0, "doctor")

	execute("CREATE TABLE audits (id bigint PRIMARY KEY, tenant_id varchar(255) NOT NULL)")
	finds(schemas, 0, "hint     table public.audits: row-level security is off")
	execute("ALTER TABLE notes DISABLE ROW LEVEL SECURITY")
	finds(schemas, 3, "problem  table public.notes: row-level security is off")
	finds(schemas, 3, "hint     table public.audits: row-level security is off")
	finds(premium, 3, "problem  table public.notes: row-level security is off")
	execute("ALTER TABLE notes ENABLE ROW LEVEL SECURITY")
	execute("GRANT SELECT ON tenancy_tenants TO PUBLIC")
	finds(schemas, 3, "problem  role .* may use public.tenancy_tenants")

	execute("DROP POLICY tenant_isolation ON notes") // nothing relies on it any more
	finds(schemas, 0, "hint     role .* may use public.tenancy_tenants")
	finds(premium, 3, "problem  role .* may use public.tenancy_tenants")
}

// TestDoctorFindsRecordsThatTenantsMayWrite has a schema from before the record of its
// migrations was taken from the role that serves.
func TestDoctorFindsRecordsThatTenantsMayWrite(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	dir := t.TempDir()
	protectedNotes(t, dir)
	c := tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+app, "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_DATABASE_SYSTEM_URL="+system)}
	c.run(t, 0, "migrate", "apply")
	for _, name := range []string{"acme", "globex"} {
		c.run(t, 0, "tenant", "create", name, "--isolation", "schema")
	}
	c.run(t, 0, "doctor")

	as := database{driver: "pgx"}.open(t, owner)
	var record string
	const query = "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname = 'atlas_schema_revisions' AND nspname <> 'public' LIMIT 1"
	if err := as.QueryRowContext(t.Context(), query).Scan(&record); err != nil {
		t.Fatal(err)
	}
	if _, err := as.ExecContext(t.Context(), "GRANT UPDATE ON "+record+" TO "+userOf(t, app)); err != nil {
		t.Fatal(err)
	}
	out := c.run(t, 3, "doctor")
	found := regexp.MustCompile(`of 1 tenant, .*: (REVOKE .*), and from roles`).FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("it is not found:\n%s", out)
	}
	if _, err := as.ExecContext(t.Context(), found[1]); err != nil {
		t.Error(err)
	}
	c.run(t, 0, "doctor")
}

// TestDoctorHintsAtGrantsForAll has an account of MariaDB that may use the whole database.
func TestDoctorHintsAtGrantsForAll(t *testing.T) {
	t.Parallel()
	admin := servers.MariaDB(t)
	dsn, err := gomysql.ParseDSN(admin)
	if err != nil {
		t.Fatal("the DSN does not parse")
	}
	mariadb := database{driver: "mysql"}
	db := mariadb.open(t, admin)
	name, password := "test_"+strings.ToLower(rand.Text()[:16]), rand.Text()
	execute := func(ctx context.Context, statement string) {
		t.Helper()
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	execute(t.Context(), "CREATE USER "+name+" IDENTIFIED BY '"+password+"'")
	t.Cleanup(func() { dropUser(t, admin, name) })
	execute(t.Context(), notesTable+" CHARSET utf8mb4 COLLATE utf8mb4_bin")
	execute(t.Context(), "GRANT SELECT ON "+dsn.DBName+".notes TO "+name)
	at := url.URL{Scheme: "mysql", User: url.UserPassword(dsn.User, dsn.Passwd), Host: dsn.Addr, Path: "/" + dsn.DBName}
	serving := at
	serving.User = url.UserPassword(name, password)
	c := tool{t.TempDir(), append(os.Environ(), "TENANCY_DATABASE_URL="+serving.String(), "TENANCY_DATABASE_ADMIN_URL="+at.String(),
		"TENANCY_ISOLATION_PREFIX="+newPrefix(t, mariadb, admin))}
	c.run(t, 0, "tenant", "create", "acme")
	const hint = "may read the registry"
	if out := c.run(t, 0, "doctor"); strings.Contains(out, hint) {
		t.Errorf("it may not:\n%s", out)
	}
	execute(t.Context(), "GRANT SELECT ON "+dsn.DBName+".* TO "+name)
	if out := c.run(t, 0, "doctor"); !strings.Contains(out, hint) {
		t.Errorf("no hint:\n%s", out)
	}
}

func dropUser(tb testing.TB, admin, name string) {
	tb.Helper()
	db, err := sql.Open("mysql", admin)
	if err == nil {
		_, err = db.ExecContext(context.WithoutCancel(tb.Context()), "DROP USER "+name)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		tb.Error(err)
	}
}

// userOf returns the role of a URL.
func userOf(tb testing.TB, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal("the URL does not parse")
	}
	return u.User.Username()
}

// TestDoctorDoesNotWaitForASilentServer has one that accepts connections and says nothing, where requests are served from.
func TestDoctorDoesNotWaitForASilentServer(t *testing.T) {
	t.Parallel()
	owner := servers.Postgres(t)
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	time.AfterFunc(time.Minute, func() { listener.Close() }) // which ends what waits for it
	silent, err := url.Parse(owner)
	if err != nil {
		t.Fatal("the URL of the test's own database cannot be read")
	}
	silent.Host = listener.Addr().String()
	c := tool{t.TempDir(), append(os.Environ(), "TENANCY_DATABASE_URL="+silent.String(), "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_DATABASE_CONNECT_TIMEOUT=100ms")}
	began := time.Now()
	out := c.run(t, 3, "doctor")
	if !regexp.MustCompile(`(?m)^failed +pooler: `).MatchString(out) || time.Since(began) > 30*time.Second {
		t.Errorf("it took %s:\n%s", time.Since(began), out)
	}
}

// TestDoctorLooksAtRowsBehindPolicies with the role of System scopes, and says so where it has none that is shown all.
func TestDoctorLooksAtRowsBehindPolicies(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	dir := t.TempDir()
	protectedNotes(t, dir)
	without := tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+app, "TENANCY_DATABASE_ADMIN_URL="+owner, "TENANCY_ISOLATION_DEFAULT=rls")}
	with := tool{dir, append(without.env, "TENANCY_DATABASE_SYSTEM_URL="+system)}
	with.run(t, 0, "migrate", "apply")
	with.run(t, 0, "tenant", "create", "acme", "--id", "acme")
	for i, id := range []string{"acme", "gone-1", "gone-2", "gone-3"} {
		if _, err := (database{driver: "pgx"}).open(t, system).ExecContext(t.Context(), "INSERT INTO notes (id, tenant_id) VALUES ($1, $2)", i, id); err != nil {
			t.Fatal(err)
		}
	}
	if out := with.run(t, 3, "doctor"); !strings.Contains(out, "does not know, such as gone-1, gone-2, gone-3: ") {
		t.Errorf("they are not found:\n%s", out)
	}
	if out := without.run(t, 0, "doctor"); !strings.Contains(out, "rows: 0 tables looked at; row-level security hides the rows of 1 table: set TENANCY_DATABASE_SYSTEM_URL") {
		t.Errorf("it does not say what it has not seen:\n%s", out)
	}
}
