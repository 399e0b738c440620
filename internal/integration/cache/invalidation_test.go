package cache_test

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// channel is a way for processes to tell each other. Each call of node is a
// process of its own, and its proxy leads to the channel.
type channel struct {
	name string
	open func(t *testing.T, db *database) (node func(t *testing.T, logged *journal) (registry.Invalidations, *proxy))
}

func channels() []channel {
	return []channel{{"Redis", redisChannel}, {"PostgreSQL", postgresChannel}}
}

func redisChannel(t *testing.T, _ *database) func(*testing.T, *journal) (registry.Invalidations, *proxy) {
	t.Helper()
	name := "test:" + uuid.NewString()
	return func(t *testing.T, logged *journal) (registry.Invalidations, *proxy) {
		t.Helper()
		options := redisOptions(t)
		way := newProxy(t, options.Addr)
		options.Addr, options.DialTimeout = way.address(), time.Second
		invalidations, err := registry.NewRedisInvalidations(redisClient(t, options), registry.RedisInvalidationsConfig{Channel: name, Logger: logged.logger()})
		if err != nil {
			t.Fatal(err)
		}
		return invalidations, way
	}
}

func postgresChannel(t *testing.T, db *database) func(*testing.T, *journal) (registry.Invalidations, *proxy) {
	t.Helper()
	return func(t *testing.T, logged *journal) (registry.Invalidations, *proxy) {
		t.Helper()
		u, err := url.Parse(db.dsn)
		if err != nil {
			t.Fatal(err)
		}
		way := newProxy(t, net.JoinHostPort(u.Hostname(), u.Port()))
		u.Host = way.address()
		invalidations, err := registry.NewPostgresInvalidations(db.kind.connect(t, u.String()), registry.PostgresInvalidationsConfig{
			Channel: `tenancy "registry"`, Logger: logged.logger(),
		})
		if err != nil {
			t.Fatal(err)
		}
		return invalidations, way
	}
}

// onEachChannel runs test with two caches in memory, of two processes, over
// one database. The way is the second one's.
func onEachChannel(t *testing.T, cfg registry.CacheConfig, test func(t *testing.T, db *database, here, there *registry.Cache, way *proxy, logged *journal)) {
	t.Helper()
	for _, channel := range channels() {
		t.Run(channel.name, func(t *testing.T) {
			t.Parallel()
			db := postgres(t)
			node := channel.open(t, db)
			open := func(logged *journal) (*registry.Cache, *proxy) {
				cfg := cfg
				var way *proxy
				cfg.Invalidations, way = node(t, logged)
				cache := inMemory(t, db, cfg)
				wait(t, "the cache listens", func() bool { return cache.Stats().Flushes == 1 })
				return cache, way
			}
			here, _ := open(&journal{})
			logged := &journal{}
			there, way := open(logged)
			test(t, db, here, there, way, logged)
		})
	}
}

// Each change in one process is seen in the other, within a second.
func TestInvalidationsReachTheOtherProcess(t *testing.T) {
	t.Parallel()
	onEachChannel(t, registry.CacheConfig{TTL: time.Hour, NegativeTTL: time.Hour}, func(t *testing.T, db *database, here, there *registry.Cache, _ *proxy, _ *journal) {
		bystander := create(t, db, "bystander")
		wantFound(t, there, bystander)
		for name, change := range changes() {
			wantNoOne(t, there, "renamed")
			acme := create(t, db, "acme-"+strings.ToLower(name))
			wantFound(t, here, acme)
			wantFound(t, there, acme)
			if err := change(t.Context(), here, acme); err != nil {
				t.Fatal(err)
			}
			changed := time.Now()
			wait(t, name+" is seen", func() bool { return agree(t, db, there, acme) })
			t.Logf("%s is seen after %v", name, time.Since(changed))
			_ = here.Erase(t.Context(), acme.ID)
			wait(t, "it is gone", func() bool { return agree(t, db, there, acme) })
		}
		wantNoOne(t, there, "created")
		created := create(t, here, "created")
		wait(t, "a new tenant is seen", func() bool { return agree(t, db, there, created) })
		db.reads.Store(0)
		wantFound(t, there, bystander)
		db.wantReads(t, "another tenant", 0)
		if n := here.Stats().Flushes + there.Stats().Flushes; n != 2 {
			t.Errorf("%d flushes, want that of the start only", n)
		}
	})
}

// agree reports whether the store finds what the database has of a tenant,
// under its new identifier and under the one that it had.
func agree(t *testing.T, db *database, s registry.Store, was tenancy.Tenant) bool {
	t.Helper()
	now, _ := db.EntStore.ByID(t.Context(), was.ID)
	renamed, _ := db.EntStore.ByIdentifier(t.Context(), "renamed")
	under, _ := db.EntStore.ByIdentifier(t.Context(), was.Identifier)
	gotRenamed, _ := s.ByIdentifier(t.Context(), "renamed") // first: to find it by id would be to find it
	gotNow, _ := s.ByID(t.Context(), was.ID)
	gotUnder, _ := s.ByIdentifier(t.Context(), was.Identifier)
	return gotNow.Equal(now) && gotUnder.Equal(under) && gotRenamed.Equal(renamed)
}

// A process whose channel is cut serves what it has until the TTL is over, and
// no longer.
func TestChannelIsCut(t *testing.T) {
	t.Parallel()
	const ttl = 500 * time.Millisecond
	onEachChannel(t, registry.CacheConfig{TTL: ttl}, func(t *testing.T, _ *database, here, there *registry.Cache, way *proxy, logged *journal) {
		acme := create(t, here, "acme")
		way.cut()
		wait(t, "the outage is logged", func() bool { return logged.count("do not arrive") == 1 })
		wantFound(t, there, acme)
		suspended, err := here.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := here.ByIdentifier(t.Context(), "acme"); err != nil || !got.Equal(suspended) {
			t.Errorf("where it was suspended: got %s and %v", got.Status, err)
		}
		time.Sleep(ttl)
		wantFound(t, there, suspended)
		if n := logged.count("do not arrive"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
	})
}

// What was published while the channel was cut is made up for by a flush.
func TestChannelIsBack(t *testing.T) {
	t.Parallel()
	onEachChannel(t, registry.CacheConfig{TTL: time.Hour}, func(t *testing.T, db *database, here, there *registry.Cache, way *proxy, logged *journal) {
		acme := create(t, here, "acme")
		way.cut()
		wait(t, "the outage is logged", func() bool { return logged.count("do not arrive") == 1 })
		wantFound(t, there, acme)
		suspended, err := here.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
		if err != nil {
			t.Fatal(err)
		}
		wantFound(t, there, acme) // it cannot know
		way.mend()
		wait(t, "the flush", func() bool { return there.Stats().Flushes == 2 })
		wantFound(t, there, suspended)
		restored, err := here.SetStatus(t.Context(), acme.ID, tenancy.StatusActive)
		if err != nil {
			t.Fatal(err)
		}
		wait(t, "the next change", func() bool { return agree(t, db, there, restored) })
		if n := logged.count("arrive again"); n != 1 {
			t.Errorf("logged the end %d times, want once", n)
		}
	})
}

// A connection that is open and says nothing is found out.
func TestChannelIsSilent(t *testing.T) {
	t.Parallel()
	onEachChannel(t, registry.CacheConfig{TTL: time.Hour}, func(t *testing.T, _ *database, _, there *registry.Cache, way *proxy, logged *journal) {
		way.silence()
		wait(t, "it is noticed", func() bool { return logged.count("do not arrive") == 1 })
		way.mend()
		wait(t, "it listens again", func() bool { return there.Stats().Flushes >= 2 })
	})
}

// A connection on which nothing happens for long is not one that is lost.
func TestChannelIsIdle(t *testing.T) {
	t.Parallel()
	onEachChannel(t, registry.CacheConfig{TTL: time.Hour}, func(t *testing.T, _ *database, here, there *registry.Cache, _ *proxy, logged *journal) {
		time.Sleep(12 * time.Second) // in which a silent one is found out
		if n := here.Stats().Flushes + there.Stats().Flushes; n != 2 || logged.count("do not arrive") != 0 {
			t.Errorf("%d flushes, want that of the start only", n)
		}
	})
}

// A change does not fail, and does not wait long, because others cannot be
// told. They are told later.
func TestPublisherIsCutOff(t *testing.T) {
	t.Parallel()
	onEachChannel(t, registry.CacheConfig{TTL: time.Hour}, func(t *testing.T, db *database, other, cut *registry.Cache, way *proxy, _ *journal) {
		acme, globex := create(t, db, "acme"), create(t, db, "globex")
		wantFound(t, other, acme)
		wantFound(t, other, globex)
		way.cut()
		for _, tenant := range []tenancy.Tenant{acme, globex} {
			if _, err := cut.SetStatus(t.Context(), tenant.ID, tenancy.StatusSuspended); err != nil {
				t.Fatal(err)
			}
			wantFound(t, other, tenant)
		}
		if got := cut.Stats(); got.Unpublished != 1 {
			t.Errorf("got %+v, want 1 unpublished", got)
		}
		way.mend()
		wait(t, "the other one hears of both", func() bool { return agree(t, db, other, acme) && agree(t, db, other, globex) })
		if n := other.Stats().Flushes; n != 1 {
			t.Errorf("%d flushes, want that of the start only", n)
		}
	})
}

// A change waits for a Redis that says nothing as little as for one that is
// gone, however long the client would.
func TestPublisherOfASilentRedis(t *testing.T) {
	t.Parallel()
	options := redisOptions(t)
	way := newProxy(t, options.Addr)
	options.Addr, options.ReadTimeout = way.address(), time.Minute
	invalidations, err := registry.NewRedisInvalidations(redisClient(t, options), registry.RedisInvalidationsConfig{Channel: prefix(t)})
	if err != nil {
		t.Fatal(err)
	}
	db := sqlite(t)
	cache := inMemory(t, db, registry.CacheConfig{TTL: time.Hour, Invalidations: invalidations})
	wait(t, "the cache listens", func() bool { return cache.Stats().Flushes == 1 })
	acme := create(t, cache, "acme") // which makes a connection for publishing
	way.silence()
	defer way.mend() // or the cache cannot be closed while it listens anew
	began := time.Now()
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > options.ReadTimeout/2 {
		t.Errorf("the change waited for %v", took)
	}
	wantFound(t, cache, suspended)
	if got := cache.Stats(); got.Unpublished != 1 {
		t.Errorf("got %+v, want 1 unpublished", got)
	}
}

// Thousands of tenants at once are more than a message of PostgreSQL holds.
func TestInvalidationOfMany(t *testing.T) {
	t.Parallel()
	for _, channel := range channels() {
		t.Run(channel.name, func(t *testing.T) {
			t.Parallel()
			invalidations, _ := channel.open(t, postgres(t))(t, &journal{})
			var sent registry.Invalidation
			for i := range 3000 {
				sent.IDs = append(sent.IDs, tenancy.ID(fmt.Sprint("a tenant with a long id ", i, strings.Repeat(" ü", 50), "!")))
				sent.Identifiers = append(sent.Identifiers, identifier(i))
			}
			ctx, end := context.WithCancel(t.Context())
			heard := make(chan registry.Invalidation, 1000)
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				invalidations.Listen(ctx, func(inv registry.Invalidation) { heard <- inv })
			}()
			if first := <-heard; !first.All {
				t.Errorf("heard %+v before all", first)
			}
			if err := invalidations.Publish(ctx, sent); err != nil {
				t.Fatal(err)
			}
			var got registry.Invalidation
			for len(got.IDs) < len(sent.IDs) || len(got.Identifiers) < len(sent.Identifiers) {
				inv := <-heard
				got.IDs, got.Identifiers = append(got.IDs, inv.IDs...), append(got.Identifiers, inv.Identifiers...)
			}
			if !slices.Equal(got.IDs, sent.IDs) || !slices.Equal(got.Identifiers, sent.Identifiers) {
				t.Error("heard something else than was published")
			}
			end()
			<-ended
		})
	}
}

// What is no invalidation may be anything, so all is dropped.
func TestMessageThatIsNone(t *testing.T) {
	t.Parallel()
	db := postgres(t)
	node := postgresChannel(t, db)
	invalidations, _ := node(t, &journal{})
	cache := inMemory(t, db, registry.CacheConfig{TTL: time.Hour, Invalidations: invalidations})
	wait(t, "the cache listens", func() bool { return cache.Stats().Flushes == 1 })
	if _, err := db.db.ExecContext(t.Context(), `SELECT pg_notify('tenancy "registry"', 'from a later release')`); err != nil {
		t.Fatal(err)
	}
	wait(t, "the flush", func() bool { return cache.Stats().Flushes == 2 })
}
