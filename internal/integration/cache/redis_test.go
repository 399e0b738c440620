package cache_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// keys returns what Redis holds under a prefix.
func keys(t *testing.T, client *redis.Client, prefix string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, key := range client.Keys(t.Context(), prefix+":*").Val() {
		_, name, _ := strings.Cut(strings.TrimPrefix(key, prefix+":v1:"), ":") // behind which registry it is
		all[name] = client.Get(t.Context(), key).Val()
	}
	return all
}

// under returns what the keys of a database begin with.
func under(t *testing.T, db *database, prefix string) string {
	t.Helper()
	id, err := db.RegistryID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(id))
	return prefix + ":v1:" + hex.EncodeToString(sum[:8]) + ":"
}

// prefix returns one that no other test has, of this run or another.
func prefix(t *testing.T) string {
	t.Helper()
	return "test:" + strings.ReplaceAll(t.Name(), "/", ":") + ":" + uuid.NewString()
}

func TestRedisAnswersWhatItHas(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t), Cipher: cipher(t)}
	cache := inRedis(t, db, client, cfg)
	acme, globex := create(t, cache, "acme"), create(t, cache, "globex")
	wantFound(t, cache, acme)
	db.wantReads(t, "the first lookups", 1)
	other := inRedis(t, db, client, cfg)
	wantFound(t, other, acme)
	db.wantReads(t, "lookups of another process", 0)

	ids := []tenancy.ID{"gone", globex.ID, acme.ID, "id-never", globex.ID}
	for _, reads := range []int64{1, 1} { // of those that do not exist, the second time
		page, err := other.ByIDs(t.Context(), ids)
		if err != nil || len(page.Tenants) != 2 || !page.Tenants[0].Equal(globex) || !page.Tenants[1].Equal(acme) {
			t.Errorf("ByIDs: got %v and %v", page.Tenants, err)
		}
		db.wantReads(t, "ByIDs", reads)
	}
	wantFound(t, cache, globex)
	if _, err := cache.ByIDs(t.Context(), []tenancy.ID{globex.ID, acme.ID}); err != nil {
		t.Error(err)
	}
	db.wantReads(t, "what ByIDs has read", 0)
	if got, want := cache.Stats(), (registry.RedisCacheStats{Hits: 5, Misses: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for key := range keys(t, client, cfg.Prefix) {
		if left := client.PTTL(t.Context(), under(t, db, cfg.Prefix)+key).Val(); left <= 8*time.Minute || left > 10*time.Minute {
			t.Errorf("%s lives for %v, want up to a tenth less than ten minutes", key, left)
		}
	}
}

// Nothing that is changed is served as it was, by a cache with entries of it,
// and by one of another process.
func TestRedisForgetsWhatIsChanged(t *testing.T) {
	t.Parallel()
	for name, change := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, client := sqlite(t), redisClient(t, redisOptions(t))
			cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
			cache, other := inRedis(t, db, client, cfg), inRedis(t, db, client, cfg)
			acme := create(t, cache, "acme")
			wantFound(t, cache, acme)
			wantFound(t, other, acme)
			if err := change(t.Context(), cache, acme); err != nil {
				t.Fatal(err)
			}
			now, err := db.ByID(t.Context(), acme.ID)
			for _, s := range []registry.Store{other, cache, other} {
				if errors.Is(err, tenancy.ErrNotFound) {
					wantNoOne(t, s, acme.Identifier)
					continue
				}
				wantFound(t, s, now)
				if now.Identifier != acme.Identifier {
					wantNoOne(t, s, acme.Identifier)
				}
			}
		})
	}
}

// An old identifier that is another tenant's now finds that one.
func TestRedisIdentifierThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
	cache, other := inRedis(t, db, client, cfg), inRedis(t, db, client, cfg)
	old := create(t, cache, "acme")
	wantFound(t, other, old)
	old.Identifier = "acme-old"
	renamed, err := cache.Update(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	heir, err := cache.Create(t.Context(), registry.NewTenant{ID: "id-heir", Identifier: "acme", Name: "Heir"})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []registry.Store{other, cache, other} {
		wantFound(t, s, heir)
		wantFound(t, s, renamed)
	}
}

func wantNoOne(t *testing.T, s registry.Store, identifier string) {
	t.Helper()
	if got, err := s.ByIdentifier(t.Context(), identifier); !errors.Is(err, tenancy.ErrNotFound) {
		t.Errorf("%q: got %v %s and %v, want ErrNotFound", identifier, got, got.Status, err)
	}
}

// slow is a store whose reads, once they have found something, wait.
type slow struct {
	*database
	read, proceed chan struct{}
}

func (s slow) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	t, err := s.database.ByID(ctx, id)
	close(s.read)
	<-s.proceed
	return t, err
}

// A reader finds a tenant and is slow to put it into Redis. Meanwhile the
// tenant is changed, and found by someone else, and the cache is cleared. The
// old one does not come in.
func TestRedisSlowReaderBringsNothingOld(t *testing.T) {
	t.Parallel()
	for name, change := range changes() {
		for i := range 4 {
			foundBetween, cleared := i%2 == 1, i/2 == 1
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				db, client := sqlite(t), redisClient(t, redisOptions(t))
				cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
				cache := inRedis(t, db, client, cfg)
				s := slow{db, make(chan struct{}), make(chan struct{})}
				reader := inRedis(t, s, client, cfg)
				acme := create(t, cache, "acme")
				done := make(chan error, 1)
				go func() { done <- errorOf(reader.ByID(t.Context(), acme.ID)) }()
				<-s.read
				if err := change(t.Context(), cache, acme); err != nil {
					t.Fatal(err)
				}
				now, err := db.ByID(t.Context(), acme.ID)
				if foundBetween && err == nil {
					wantFound(t, cache, now)
				}
				if cleared {
					if _, err := cache.Clear(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				close(s.proceed)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if errors.Is(err, tenancy.ErrNotFound) {
					wantNoOne(t, cache, acme.Identifier)
					return
				}
				wantFound(t, cache, now)
			})
		}
	}
}

// A change fails, so that nobody knows the tenant's version for a while. Near the
// end of that while a reader begins, and then the tenant is suspended. What the
// reader has found does not come in when the while is over.
func TestRedisSlowReaderAfterAFailedChange(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
	cache := inRedis(t, db, client, cfg)
	s := slow{db, make(chan struct{}), make(chan struct{})}
	reader := inRedis(t, s, client, cfg)
	acme := create(t, cache, "acme")
	if _, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusActive); err == nil {
		t.Fatal("it was active already")
	}
	const left = 20 * time.Second
	key := under(t, db, cfg.Prefix) + "id:" + string(acme.ID)
	if !client.PExpire(t.Context(), key, left).Val() {
		t.Fatal("nothing keeps entries out")
	}
	done := make(chan error, 1)
	go func() { done <- errorOf(reader.ByID(t.Context(), acme.ID)) }()
	<-s.read
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	if got := client.PTTL(t.Context(), key).Val(); got <= left {
		t.Errorf("the old one stays out for %v, as if nothing had been changed since", got)
	}
	close(s.proceed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
}

// A tenant is suspended and found, by a process whose entries another one cannot read.
// What a slow reader has found before does not come in when that one takes the entry away.
func TestRedisSlowReaderAfterAnEntryThatCannotBeRead(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
	cache := inRedis(t, db, client, cfg)
	s := slow{db, make(chan struct{}), make(chan struct{})}
	reader := inRedis(t, s, client, cfg)
	acme := create(t, cache, "acme")
	done := make(chan error, 1)
	go func() { done <- errorOf(reader.ByID(t.Context(), acme.ID)) }()
	<-s.read
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
	empty := impostor{registry.NewMemoryStore(registry.MemoryConfig{}), db} // so that it puts nothing in its place
	other := inRedis(t, empty, client, registry.RedisCacheConfig{Prefix: cfg.Prefix, Cipher: cipher(t)})
	wantNoOne(t, other, acme.Identifier)
	if n := other.Stats().Corrupt; n != 1 {
		t.Fatalf("%d entries could not be read", n)
	}
	close(s.proceed)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
}

// A process whose entries live for a moment changes a tenant. A slow reader of
// another, whose entries live for long, has the old one: a moment is no time in
// which all reads have ended.
func TestRedisSlowReaderAfterAShortTTL(t *testing.T) {
	t.Parallel()
	for name, foundBetween := range map[string]bool{"changed": false, "changed and found": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, client := sqlite(t), redisClient(t, redisOptions(t))
			brief := registry.RedisCacheConfig{Prefix: prefix(t), TTL: time.Millisecond}
			cache := inRedis(t, db, client, brief)
			s := slow{db, make(chan struct{}), make(chan struct{})}
			reader := inRedis(t, s, client, registry.RedisCacheConfig{Prefix: brief.Prefix})
			acme := create(t, cache, "acme")
			done := make(chan error, 1)
			go func() { done <- errorOf(reader.ByID(t.Context(), acme.ID)) }()
			<-s.read
			suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
			if err != nil {
				t.Fatal(err)
			}
			if foundBetween {
				wantFound(t, cache, suspended)
			}
			time.Sleep(100 * brief.TTL)
			close(s.proceed)
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			wantFound(t, inRedis(t, db, client, registry.RedisCacheConfig{Prefix: brief.Prefix}), suspended)
		})
	}
}

// Several processes change and find the same few tenants. No one finds one
// that is older than a change that was over before, wherever it was made.
func TestRedisUnderChanges(t *testing.T) {
	t.Parallel()
	db, client := postgres(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t)}
	processes := []*registry.RedisCache{inRedis(t, db, client, cfg), inRedis(t, db, client, cfg), inRedis(t, db, client, cfg)}
	acme, globex := create(t, db, "acme"), create(t, db, "globex")
	var busy sync.WaitGroup
	for i := range 6 {
		busy.Go(func() {
			for n := range 30 {
				tenant := []tenancy.Tenant{acme, globex}[n%2]
				changed, err := processes[(i+n)%3].MergeMetadata(t.Context(), tenant.ID, map[string]any{"n": n})
				if err != nil {
					t.Error(err)
					return
				}
				for _, s := range processes {
					if got, err := s.ByIdentifier(t.Context(), tenant.Identifier); err != nil || got.Version < changed.Version {
						t.Errorf("got version %d and %v after version %d", got.Version, err, changed.Version)
					}
				}
			}
		})
	}
	busy.Wait()
	if hits := processes[0].Stats().Hits; hits == 0 {
		t.Error("nothing was found in Redis")
	}
}

// Entries that were changed, or are another's, are misses, and are replaced, unless they
// say that there is a newer version: then the tenant has no entry for a while.
func TestRedisEntriesThatAreNotGenuine(t *testing.T) {
	t.Parallel()
	for _, sealed := range []bool{false, true} {
		db, client := sqlite(t), redisClient(t, redisOptions(t))
		cfg := registry.RedisCacheConfig{Prefix: fmt.Sprint(prefix(t), sealed)}
		if sealed {
			cfg.Cipher = cipher(t)
		}
		cache := inRedis(t, db, client, cfg)
		acme, globex := create(t, cache, "acme"), create(t, cache, "globex")
		wantFound(t, cache, globex)
		wantFound(t, cache, acme)
		genuine := keys(t, client, cfg.Prefix)
		at := func(key string) string { return under(t, db, cfg.Prefix) + key }
		corrupt := uint64(0)
		for name, value := range map[string]string{
			"nothing": "", "junk": "junk", "a version": "1", "a huge one": strings.Repeat("9", 400) + " {}", "no tenant": "1 {}", "null": "1 null",
			"cut": genuine["id:id-acme"][:len(genuine["id:id-acme"])-9], "another's": genuine["id:id-globex"],
			"another version": "2" + genuine["id:id-acme"][1:], "binary": "1 \xff\x00",
		} {
			if err := client.Set(t.Context(), at("id:id-acme"), value, 0).Err(); err != nil {
				t.Fatal(err)
			}
			db.reads.Store(0)
			wantFound(t, cache, acme)
			if value != "" {
				corrupt++
			}
			if got := cache.Stats(); got.Corrupt != corrupt {
				t.Errorf("%s, sealed %v: %d were corrupt, want %d", name, sealed, got.Corrupt, corrupt)
			}
			reads := int64(1)
			if name == "another version" || name == "a huge one" {
				reads = 2
			}
			db.wantReads(t, name, reads)
		}
		// An identifier that is made to lead to another tenant.
		if err := client.Set(t.Context(), at("identifier:acme"), "id-globex", 0).Err(); err != nil {
			t.Fatal(err)
		}
		wantFound(t, cache, acme)
	}
}

// impostor says that it is another registry.
type impostor struct {
	*registry.MemoryStore
	of *database
}

func (i impostor) RegistryID(ctx context.Context) (string, error) { return i.of.RegistryID(ctx) }

// Whoever writes to Redis without the key puts in no tenant, and takes no
// suspension back.
func TestRedisForgeryNeedsTheKey(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	shared := prefix(t)
	forger := inRedis(t, impostor{registry.NewMemoryStore(registry.MemoryConfig{}), db}, client, registry.RedisCacheConfig{Prefix: shared})
	cache := inRedis(t, db, client, registry.RedisCacheConfig{Prefix: shared, Cipher: cipher(t)})
	wantFound(t, forger, create(t, forger, "acme"))
	acme := create(t, db, "acme")
	suspended, err := db.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
}

// An entry that someone has kept and puts back later is of no use then.
func TestRedisEntryThatIsPutBack(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t), TTL: 50 * time.Millisecond, Cipher: cipher(t)}
	cache := inRedis(t, db, client, cfg)
	acme := create(t, cache, "acme")
	var kept string
	wait(t, "an entry is seen before it expires", func() bool {
		wantFound(t, cache, acme)
		kept = keys(t, client, cfg.Prefix)["id:id-acme"]
		return kept != ""
	})
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(cfg.TTL) // it has expired then, however slow the machine is
	for key, value := range map[string]string{"id:id-acme": kept, "identifier:acme": "id-acme"} {
		if err := client.Set(t.Context(), under(t, db, cfg.Prefix)+key, value, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	wantFound(t, cache, suspended)
}

// Without a key Redis holds no secret in plaintext, and with one nothing.
func TestRedisHoldsNoSecret(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	client := redisClient(t, redisOptions(t))
	encrypted := func(t *testing.T, s registry.Store) registry.Store {
		t.Helper()
		store, err := registry.NewEncryptedStore(s, cipher(t), registry.EncryptedConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return store
	}
	for name, test := range map[string]struct {
		cfg      registry.RedisCacheConfig
		above    func(*testing.T, registry.Store) registry.Store
		isCached bool
		hides    string
	}{
		"without a key":             {hides: secret},
		"with a key":                {cfg: registry.RedisCacheConfig{Cipher: cipher(t)}, isCached: true, hides: "Acme"},
		"below an encrypted store":  {above: encrypted, isCached: true, hides: secret},
		"with a key, and below one": {cfg: registry.RedisCacheConfig{Cipher: cipher(t)}, above: encrypted, isCached: true, hides: "Acme"},
	} {
		for part, n := range map[string]registry.NewTenant{
			"URL":    {Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://app:" + secret + "@db/acme")}},
			"value":  {Metadata: map[string]any{"_enc_key": secret}},
			"nested": {Metadata: map[string]any{"billing": []any{map[string]any{"_enc_card": map[string]any{"number": secret}}}}},
		} {
			t.Run(name+" "+part, func(t *testing.T) {
				t.Parallel()
				db := sqlite(t)
				cfg := test.cfg
				cfg.Prefix = prefix(t)
				var store registry.Store = inRedis(t, db, client, cfg)
				if test.above != nil {
					store = test.above(t, store)
				}
				n.ID, n.Identifier, n.Name = "id-acme", "acme", "Acme"
				acme, err := store.Create(t.Context(), n)
				if err != nil {
					t.Fatal(err)
				}
				wantFound(t, store, acme)
				wantFound(t, store, acme)
				held := keys(t, client, cfg.Prefix)
				text, err := json.Marshal(held)
				if _, ok := held["id:id-acme"]; err != nil || ok != test.isCached || strings.Contains(string(text), test.hides) {
					t.Errorf("Redis holds %s", text)
				}
			})
		}
	}
}

// Who changes the registry behind the cache's back says so.
func TestRedisInvalidate(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cache := inRedis(t, db, client, registry.RedisCacheConfig{Prefix: prefix(t)})
	acme, globex := create(t, db, "acme"), create(t, db, "globex")
	wantFound(t, cache, acme)
	wantFound(t, cache, globex)
	suspended, err := db.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, acme) // as it was
	cache.Invalidate(t.Context(), "gone", acme.ID)
	wantFound(t, cache, suspended)
	db.reads.Store(0)
	wantFound(t, cache, globex)
	db.wantReads(t, "another tenant", 0)
}

func TestRedisClear(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	shared := prefix(t)
	cache := inRedis(t, db, client, registry.RedisCacheConfig{Prefix: shared + "*"})
	neighbour := inRedis(t, db, client, registry.RedisCacheConfig{Prefix: shared + "-neighbour"})
	const n = 1500
	ids := make([]tenancy.ID, n)
	for i := range ids {
		created, err := db.Create(t.Context(), registry.NewTenant{Identifier: identifier(i), Name: "Tenant"})
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = created.ID
	}
	for _, c := range []*registry.RedisCache{cache, neighbour} {
		if page, err := c.ByIDs(t.Context(), ids); err != nil || len(page.Tenants) != n {
			t.Fatal(len(page.Tenants), err)
		}
	}
	if got, err := cache.Clear(t.Context()); got != 2*n || err != nil {
		t.Errorf("Clear: %d and %v, want both keys of each tenant", got, err)
	}
	if got := len(client.Keys(t.Context(), shared+"-neighbour:*").Val()); got != 2*n {
		t.Errorf("a deployment with another prefix has %d keys left of %d", got, 2*n)
	}
	if got, err := cache.Clear(t.Context()); got != 0 || err != nil {
		t.Errorf("Clear of nothing: %d and %v", got, err)
	}
}

func TestRedisCacheConfigIsChecked(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	for name, test := range map[string]struct {
		store  registry.Store
		client *redis.Client
		cfg    registry.RedisCacheConfig
	}{
		"no store": {nil, client, registry.RedisCacheConfig{}}, "no client": {db, nil, registry.RedisCacheConfig{}},
		"negative TTL":         {db, client, registry.RedisCacheConfig{TTL: -1}},
		"over one in memory":   {inMemory(t, db, registry.CacheConfig{}), client, registry.RedisCacheConfig{}},
		"negative Timeout":     {db, client, registry.RedisCacheConfig{Timeout: -1}},
		"negative retry after": {db, client, registry.RedisCacheConfig{RetryAfter: -1}},
	} {
		if _, err := registry.NewRedisCache(test.store, test.client, test.cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
