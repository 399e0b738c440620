// Package encryption_test runs the encrypted store on each store that there is.
package encryption_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/registry"
)

// world is one store and what is behind it.
type world struct {
	registry.Store // plain: what a process without the key has

	db      *sql.DB
	dialect string
}

// server is a kind of database.
type server struct {
	name, driver, dialect string
	dsn                   func(testing.TB) string
}

func databases() []server {
	return []server{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres},
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	}
}

// cheap is the server for tests that need many databases: schemas of one, where that is cheaper.
func (s server) cheap(tb testing.TB) server {
	tb.Helper()
	if s.dialect == dialect.Postgres {
		s.dsn = servers.PostgresSchemas(tb)
	}
	return s
}

// open returns a store in a database that is empty and the test's own.
func (s server) open(t *testing.T, cfg registry.EntConfig) world {
	t.Helper()
	db, err := sql.Open(s.driver, s.dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	store, err := registry.NewEntStore(entsql.OpenDB(s.dialect, db), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return world{Store: store, db: db, dialect: s.dialect}
}

// onEachStore runs test on each database and in memory.
func onEachStore(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		test(t, world{Store: registry.NewMemoryStore(registry.MemoryConfig{})})
	})
	onEachDatabase(t, test)
}

// onEachDatabase leaves out the memory, which cannot be changed behind the
// store's back.
func onEachDatabase(t *testing.T, test func(t *testing.T, w world)) {
	t.Helper()
	for _, s := range databases() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			test(t, s.open(t, registry.EntConfig{}))
		})
	}
}

// atRest returns all that the table, or the memory, holds of a tenant, as text.
func (w world) atRest(t *testing.T, id tenancy.ID) string {
	t.Helper()
	if w.db == nil {
		kept := read(t, w.Store, id)
		return fmt.Sprintf("%#v\n%s\n%s", kept, kept.Placement.DatabaseURL.Reveal(), text(t, kept.Metadata()))
	}
	query, args := entsql.Dialect(w.dialect).Select("*").From(entsql.Table("tenancy_tenants")).Where(entsql.EQ("id", string(id))).Query()
	rows, err := w.db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	if !rows.Next() {
		t.Fatalf("no row for %q: %v", id, rows.Err())
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		t.Fatal(err)
	}
	var row strings.Builder
	for i, value := range values {
		if text, ok := value.([]byte); ok {
			value = string(text)
		}
		fmt.Fprintf(&row, "%s: %v\n", columns[i], value)
	}
	return row.String()
}

// set writes a value into a tenant's row behind the store's back.
func (w world) set(t *testing.T, id tenancy.ID, column string, value any) {
	t.Helper()
	statement, args := entsql.Dialect(w.dialect).Update("tenancy_tenants").Set(column, value).Where(entsql.EQ("id", string(id))).Query()
	result, err := w.db.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("changed %d rows (%v), want 1", n, err)
	}
}

const (
	oldPassphrase = "the old passphrase, for tests only"
	newPassphrase = "the new passphrase, for tests only"
)

func cipher(tb testing.TB, current string, old ...string) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.Passphrase(current, old...)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// encrypted returns the store of a process that has these keys.
func (w world) encrypted(tb testing.TB, c *crypt.Cipher) *registry.EncryptedStore {
	tb.Helper()
	return w.configured(tb, c, registry.EncryptedConfig{})
}

func (w world) configured(tb testing.TB, c *crypt.Cipher, cfg registry.EncryptedConfig) *registry.EncryptedStore {
	tb.Helper()
	store, err := registry.NewEncryptedStore(w.Store, c, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// secret is in each secret value that these tests write, and in nothing else.
const secret = "hunter2"

// secretNumber is a secret that is no text.
const secretNumber = 4815162342

const secretURL = "postgres://app:" + secret + "@db/acme"

// withSecrets returns metadata with secrets of every kind and depth.
func withSecrets() map[string]any {
	return map[string]any{
		"plain": "visible", "_enc_text": secret, "_enc_number": float64(secretNumber), "_enc_yes": true, "_enc_null": nil, "_enc_empty": "",
		"_enc_object": map[string]any{"user": secret, "deep": []any{map[string]any{"n": float64(secretNumber)}}},
		"_enc_list":   []any{secret, float64(secretNumber), nil},
		"nested": map[string]any{
			"region": "eu", "_enc_inside": secret,
			"list": []any{"visible too", map[string]any{"_enc_in_list": []any{secret}}, []any{map[string]any{"_enc_deeper": float64(secretNumber)}}},
		},
		"_enc_": secret, "_enc_ö\"\\/\n🏢": secret,
		"_enc_like_ciphertext": "tenancy:enc:v1:" + secret,
		"enc_not_secret":       "visible", "tenancy:enc:v1:": "visible",
	}
}

func newTenant(identifier string) registry.NewTenant {
	return registry.NewTenant{
		Identifier: identifier, Name: "Acme", Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(secretURL)}, Metadata: withSecrets(),
	}
}

func create(t *testing.T, store registry.Store, n registry.NewTenant) tenancy.Tenant {
	t.Helper()
	created, err := store.Create(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// text shows metadata so that it can be compared and searched.
func text(t *testing.T, values map[string]any) string {
	t.Helper()
	marshalled, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	return string(marshalled)
}

func checkSecrets(t *testing.T, name string, got tenancy.Tenant, err error, url string, metadata map[string]any) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got.Placement.DatabaseURL.Reveal() != url {
		t.Errorf("%s: database URL %q, want %q", name, got.Placement.DatabaseURL.Reveal(), url)
	}
	if g, w := text(t, got.Metadata()), text(t, metadata); g != w {
		t.Errorf("%s: metadata\n%s, want\n%s", name, g, w)
	}
}
