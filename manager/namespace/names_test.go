package namespace_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

func newSchemas(tb testing.TB, names namespace.Names) (*namespace.PostgresSchemas, error) {
	tb.Helper()
	db, err := sql.Open("pgx", "")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return namespace.NewPostgresSchemas(db, namespace.PostgresSchemasConfig{Names: names})
}

func TestPrefixesThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"Tenant_", "1t", "t-", "tenancy_", "pg_", "té", "averyveryverylongprefix", "t\x00", " "} {
		if _, err := newSchemas(t, namespace.Names{Prefix: prefix}); err == nil || !strings.Contains(err.Error(), "Names.Prefix") {
			t.Errorf("%q: got %v", prefix, err)
		}
	}
}

func TestReservedNamesAreNobodys(t *testing.T) {
	t.Parallel()
	schemas, err := newSchemas(t, namespace.Names{Prefix: "p", Reserved: []string{"Postgis"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []tenancy.ID{"ublic", "ostgis", "ostgres", "g-catalog"} {
		if placement, err := schemas.Plan(tenancy.Tenant{ID: id}); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("%q gets %q: %v", id, placement.Schema, err)
		}
	}
}

// FuzzNamesAreInjective looks for two ids with one name.
func FuzzNamesAreInjective(f *testing.F) {
	f.Add("a-b", "a_b")
	f.Add("a", "A")
	f.Add("-a", "_a")
	f.Add("msh2tmy3y77x5oiu46trqdyh4dpq7bdhqonrv6eq", "_msh2tmy3y77x5oiu46trqdyh4dpq7bdhqonrv6eq")
	f.Add(strings.Repeat("a", 56), strings.Repeat("a", 57))
	schemas, err := newSchemas(f, namespace.Names{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		one, errA := schemas.Plan(tenancy.Tenant{ID: tenancy.ID(a)})
		two, errB := schemas.Plan(tenancy.Tenant{ID: tenancy.ID(b)})
		if errA != nil || errB != nil {
			return
		}
		if name := one.Schema; len(name) > 63 || name != strings.ToLower(name) || strings.ContainsAny(name, "-'\"`\\ ") {
			t.Errorf("%q gets %q", a, name)
		}
		if a != b && one.Schema == two.Schema {
			t.Errorf("%q and %q get %q", a, b, one.Schema)
		}
	})
}

func TestAddressesThatCannotBe(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, address := range []string{"", "host=db", "http://db", "postgres://s3cret@db/shop", "postgres:///", "postgres://s3cret@db?dbname=shop", "postgres://s3cret@db?host=other", "postgres://db?user=s3cret", "postgres://shop:x@db?password=s3cret", "://s3cret"} {
		_, err := namespace.NewPostgresDatabases(db, tenancy.NewSecret(address), namespace.PostgresDatabasesConfig{})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v", address, err)
		}
	}
	for _, address := range []string{"", "s3cret", "shop:s3cret@tcp(db)/shop"} {
		_, err := namespace.NewMySQLDatabases(db, tenancy.NewSecret(address), namespace.MySQLConfig{})
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v", address, err)
		}
	}
	for _, user := range []string{"shop", "@%", "sh'op@%", `sh\op@%`} {
		if _, err := namespace.NewMySQLSchemas(db, namespace.MySQLConfig{Users: []string{user}}); err == nil {
			t.Errorf("user %q passes", user)
		}
	}
}
