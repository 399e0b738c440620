package cli_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestMoreRolesOnMySQLAreBesideTheOneThatServes names another user, and then an account of the one that serves, which is not granted
// to from anywhere then.
func TestMoreRolesOnMySQLAreBesideTheOneThatServes(t *testing.T) {
	t.Parallel()
	admin := servers.MariaDB(t)
	dsn, err := gomysql.ParseDSN(admin)
	if err != nil {
		t.Fatal("the URL of the test's own database cannot be read")
	}
	mariadb, dir := database{driver: "mysql"}, t.TempDir()
	db := mariadb.open(t, admin)
	execute := func(ctx context.Context, statement string) {
		t.Helper()
		if _, err := db.ExecContext(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	if err := migration(filepath.Join(dir, "migrations", "tenant"), "20260101000000_notes.sql", notesTable+" CHARSET utf8mb4 COLLATE utf8mb4_bin;"); err != nil {
		t.Fatal(err)
	}
	serving, reports := "test_"+strings.ToLower(rand.Text()[:16]), "test_"+strings.ToLower(rand.Text()[:16])
	for _, account := range []string{"'" + serving + "'@'%'", "'" + serving + "'@'10.0.%'", "'" + reports + "'@'%'"} {
		execute(t.Context(), "CREATE USER "+account+" IDENTIFIED BY 'Aa1-"+rand.Text()+"'")
		t.Cleanup(func() { dropUser(t, admin, account) })
	}
	at := url.URL{Scheme: "mysql", User: url.UserPassword(dsn.User, dsn.Passwd), Host: dsn.Addr, Path: "/" + dsn.DBName}
	as := at
	as.User = url.User(serving)
	c := tool{dir, append(os.Environ(), "TENANCY_DATABASE_URL="+as.String(), "TENANCY_DATABASE_ADMIN_URL="+at.String(), "TENANCY_ISOLATION_PREFIX="+newPrefix(t, mariadb, admin))}
	for id, test := range map[string]struct {
		roles string
		want  []string
	}{
		"other": {reports + "@%", []string{"'" + serving + "'@'%'", "'" + reports + "'@'%'"}},
		"both":  {reports + "@%," + serving + "@10.0.%", []string{"'" + serving + "'@'10.0.%'", "'" + reports + "'@'%'"}},
		"same":  {serving + "@%, " + serving + "@10.0.% ", []string{"'" + serving + "'@'%'", "'" + serving + "'@'10.0.%'"}},
	} {
		c.run(t, 0, "tenant", "create", id, "--isolation", "schema", "--id", id, "--roles", test.roles)
		got := texts(t, db, "SELECT DISTINCT grantee FROM information_schema.schema_privileges WHERE grantee LIKE '\\'test\\_%' "+
			"AND replace(table_schema, '\\\\', '') = (SELECT schema_name FROM tenancy_tenants WHERE id = '"+id+"')")
		slices.Sort(got)
		slices.Sort(test.want)
		if !slices.Equal(got, test.want) {
			t.Errorf("with the roles %s, granted to are %s, not %s", test.roles, got, test.want)
		}
		c.run(t, 0, "tenant", "erase", id, "--yes="+id)
	}
}
