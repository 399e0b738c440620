package isolation_test

import (
	"database/sql"
	"os"
	"reflect"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// database is one of the databases that the attacks run on.
type database struct {
	name, driver, dialect string
	dsn                   func(testing.TB) string
}

func databases() []database {
	return []database{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres},
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	}
}

// open returns a database with tables and without rows.
func open(t *testing.T, d database) *isolation.Database {
	t.Helper()
	database := empty(t, d)
	if err := database.Client().Schema.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	return database
}

// empty returns a database without tables.
func empty(t *testing.T, d database) *isolation.Database {
	t.Helper()
	db, err := sql.Open(d.driver, d.dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &isolation.Database{Driver: entsql.OpenDB(d.dialect, db), Admin: db, Dialect: d.dialect}
}

// each runs a test on all databases at once. They are opened one after the
// other, since ent's migration writes to variables of the generated package.
func each(t *testing.T, open func(*testing.T, database) *isolation.Database, test func(*testing.T, *isolation.Database)) {
	for _, d := range databases() {
		t.Run(d.name, func(t *testing.T) {
			db := open(t, d)
			t.Parallel()
			test(t, db)
		})
	}
}

// TestAttacks runs every attack plain on PostgreSQL, with CI=true in every mode,
// and on the others as [isolation.Dealt] deals them.
func TestAttacks(t *testing.T) {
	each(t, impatient, func(t *testing.T, db *isolation.Database) {
		for _, mode := range isolation.Modes() {
			attacks := isolation.Dealt(len(db.Dialect), mode) // another turn for each
			if db.Dialect == dialect.Postgres && (mode == isolation.Plain || os.Getenv("CI") == "true") {
				attacks = isolation.Attacks()
			}
			t.Run(string(mode), func(t *testing.T) {
				isolation.Run(t, db, []isolation.Mode{mode}, attacks)
			})
		}
	})
}

// TestAttacksInNamedSchema has every table qualified by its schema's name, as
// ent does with its sql/schemaconfig feature.
func TestAttacksInNamedSchema(t *testing.T) {
	db := open(t, databases()[1])
	var names ent.SchemaConfig
	for i, v := 0, reflect.ValueOf(&names).Elem(); i < v.NumField(); i++ {
		v.Field(i).SetString("public")
	}
	db.Options = []ent.Option{ent.AlternateSchema(names)}
	t.Parallel()
	isolation.Run(t, db, []isolation.Mode{isolation.Plain}, isolation.Attacks())
}

// impatient opens a database on which nobody waits long for locks, which the
// attacks never do unless one of them panics and leaves its transaction open.
func impatient(t *testing.T, d database) *isolation.Database {
	t.Helper()
	dsn := d.dsn
	d.dsn = func(tb testing.TB) string {
		tb.Helper()
		return strings.Replace(dsn(tb), "busy_timeout(60000)", "busy_timeout(3000)", 1)
	}
	return open(t, d)
}
