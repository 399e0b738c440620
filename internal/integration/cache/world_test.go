package cache_test

import (
	"context"
	"database/sql"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"
	"github.com/google/uuid"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/registry"
)

// kind is a kind of database.
type kind struct {
	name, driver, dialect string
	dsn                   func(testing.TB) string
}

func kinds() []kind {
	return []kind{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres},
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	}
}

// database is an initialised registry, and a count of what it was asked.
type database struct {
	*registry.EntStore

	db    *sql.DB
	dsn   string
	kind  kind
	reads atomic.Int64
}

func (k kind) open(tb testing.TB, cfg registry.EntConfig) *database {
	tb.Helper()
	dsn := k.dsn(tb)
	db := k.connect(tb, dsn)
	store, err := registry.NewEntStore(entsql.OpenDB(k.dialect, db), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	if err := store.Init(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return &database{EntStore: store, db: db, dsn: dsn, kind: k}
}

// cheap is the kind for tests that need many databases: schemas of one, where that is cheaper.
func (k kind) cheap(tb testing.TB) kind {
	tb.Helper()
	if k.dialect == dialect.Postgres {
		k.dsn = servers.PostgresSchemas(tb)
	}
	return k
}

// connect returns a pool of its own, as a process of its own has.
func (k kind) connect(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(k.driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(10) // many tests share a server
	return db
}

func sqlite(tb testing.TB) *database {
	tb.Helper()
	return kinds()[0].open(tb, registry.EntConfig{})
}

func postgres(tb testing.TB) *database {
	tb.Helper()
	return kinds()[1].open(tb, registry.EntConfig{})
}

func (d *database) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	d.reads.Add(1)
	return d.EntStore.ByIdentifier(ctx, identifier)
}

func (d *database) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	d.reads.Add(1)
	return d.EntStore.ByID(ctx, id)
}

func (d *database) ByIDs(ctx context.Context, ids []tenancy.ID) (registry.Page, error) {
	d.reads.Add(1)
	return d.EntStore.ByIDs(ctx, ids)
}

// wantReads fails the test unless the database was read n times since the last call.
func (d *database) wantReads(t *testing.T, what string, n int64) {
	t.Helper()
	if got := d.reads.Swap(0); got != n {
		t.Errorf("%s: the database was read %d times, want %d", what, got, n)
	}
}

// redisOptions are those of a client that is given up on by no one on a busy machine.
func redisOptions(tb testing.TB) *redis.Options {
	tb.Helper()
	options, err := redis.ParseURL(servers.Redis(tb))
	if err != nil {
		tb.Fatal(err)
	}
	options.DialerRetries = 1
	return options
}

func redisClient(tb testing.TB, options *redis.Options) *redis.Client {
	tb.Helper()
	client := redis.NewClient(options)
	tb.Cleanup(func() { _ = client.Close() })
	return client
}

// inRedis returns a cache with keys of its own, which are gone after the test.
func inRedis(tb testing.TB, store registry.Store, client *redis.Client, cfg registry.RedisCacheConfig) *registry.RedisCache {
	tb.Helper()
	if cfg.Prefix == "" {
		cfg.Prefix = "test:" + uuid.NewString()
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 20 * time.Second
	}
	cache, err := registry.NewRedisCache(store, client, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		cache.Close()
		keys := client.Keys(context.WithoutCancel(tb.Context()), cfg.Prefix+":*").Val()
		if len(keys) > 0 {
			client.Del(context.WithoutCancel(tb.Context()), keys...)
		}
	})
	return cache
}

func inMemory(tb testing.TB, store registry.Store, cfg registry.CacheConfig) *registry.Cache {
	tb.Helper()
	cache, err := registry.NewCache(store, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(cache.Close)
	return cache
}

func create(tb testing.TB, s registry.Store, identifier string) tenancy.Tenant {
	tb.Helper()
	created, err := s.Create(tb.Context(), registry.NewTenant{
		ID: tenancy.ID("id-" + identifier), Identifier: identifier, Name: identifier, Status: tenancy.StatusActive,
		Metadata: map[string]any{"seats": 5.0, "list": []any{"a", nil, true}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return created
}

// wantFound fails the test unless the store finds want, both ways.
func wantFound(t *testing.T, s registry.Store, want tenancy.Tenant) {
	t.Helper()
	got, err := s.ByIdentifier(t.Context(), want.Identifier)
	if err != nil || !got.Equal(want) {
		t.Errorf("ByIdentifier %q: got %v version %d %s and %v, want version %d %s", want.Identifier, got, got.Version, got.Status, err, want.Version, want.Status)
	}
	got, err = s.ByID(t.Context(), want.ID)
	if err != nil || !got.Equal(want) {
		t.Errorf("ByID %q: got %v version %d %s and %v, want version %d %s", want.ID, got, got.Version, got.Status, err, want.Version, want.Status)
	}
}

// wait returns when the condition holds, and fails the test if it never does.
func wait(t *testing.T, what string, until func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for poll := time.Tick(5 * time.Millisecond); !until(); <-poll {
		select {
		case <-deadline:
			t.Fatal("in vain: " + what)
		default:
		}
	}
}
