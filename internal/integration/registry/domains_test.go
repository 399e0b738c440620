package registry_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/registry"
)

// tenantsOf makes active tenants whose ids are their identifiers.
func tenantsOf(t *testing.T, store registry.Store, ids ...tenancy.ID) {
	t.Helper()
	for _, id := range ids {
		create(t, store, id, strings.ToLower(string(id))+"-shop")
	}
}

func create(t *testing.T, store registry.Store, id tenancy.ID, identifier string) {
	t.Helper()
	_, err := store.Create(t.Context(), registry.NewTenant{ID: id, Identifier: identifier, Name: "Tenant", Status: tenancy.StatusActive})
	if err != nil {
		t.Fatal(err)
	}
}

func renameTo(t *testing.T, store registry.Store, id tenancy.ID, identifier string) {
	t.Helper()
	tenant, err := store.ByID(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	tenant.Identifier = identifier
	if _, err := store.Update(t.Context(), tenant); err != nil {
		t.Fatal(err)
	}
}

// checkDomain asks whose a domain is; "" is nobody's.
func checkDomain(t *testing.T, domains registry.DomainStore, domain string, id tenancy.ID, identifier string) {
	t.Helper()
	var want error
	if id == "" {
		want = tenancy.ErrNotFound
	}
	if got, err := domains.IDByDomain(t.Context(), domain); got != id || !errors.Is(err, want) {
		t.Errorf("%.40q is of %q (%v), want %q", domain, got, err, id)
	}
	if got, err := domains.IdentifierByDomain(t.Context(), domain); got != identifier || !errors.Is(err, want) {
		t.Errorf("%.40q is of %q (%v), want %q", domain, got, err, identifier)
	}
}

func add(t *testing.T, domains registry.DomainStore, id tenancy.ID, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := domains.Add(t.Context(), id, name); err != nil {
			t.Fatal(err)
		}
	}
}

func checkDomainsOf(t *testing.T, domains registry.DomainStore, id tenancy.ID, want ...string) {
	t.Helper()
	if got, err := domains.Of(t.Context(), id); err != nil || !slices.Equal(got, want) {
		t.Errorf("%s has %q (%v), want %q", id, got, err, want)
	}
}

func TestDomains(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		domains := store.Domains()
		tenantsOf(t, store, "acme", "globex")
		create(t, store, "Acme", "other-shop") // whose id differs in case only
		longest := strings.Repeat(strings.Repeat("a", 49)+".", 5) + "abc"
		add(t, domains, "acme", "Shop.ACME.test.", "acme.test", longest)
		add(t, domains, "globex", "xn--bcher-kva.test")
		for _, name := range []string{"shop.acme.test", "SHOP.acme.test", "shop.acme.test.", longest} {
			checkDomain(t, domains, name, "acme", "acme-shop")
		}
		checkDomain(t, domains, "xn--bcher-kva.test", "globex", "globex-shop")
		for _, name := range []string{"", ".", "test", "www.acme.test", "shop.acme.test:80", "bücher.test", "%", "a\x00b", longest + "d", "' OR ''='"} {
			checkDomain(t, domains, name, "", "")
		}
		checkDomainsOf(t, domains, "acme", longest, "acme.test", "shop.acme.test")
		checkDomainsOf(t, domains, "Acme")
		checkDomainsOf(t, domains, "nobody")
		for _, id := range []tenancy.ID{"globex", "Acme", "acme"} {
			if err := domains.Add(t.Context(), id, "acme.TEST"); !errors.Is(err, tenancy.ErrExists) {
				t.Errorf("taken, for %s: %v", id, err)
			}
		}
		for _, id := range []tenancy.ID{"globex", "Acme", "nobody"} {
			if err := domains.Remove(t.Context(), id, "acme.test"); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("removed by %s: %v", id, err)
			}
		}
		if err := domains.Add(t.Context(), "nobody", "nobody.test"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("of nobody: %v", err)
		}
		checkDomain(t, domains, "acme.test", "acme", "acme-shop")
		if err := domains.Remove(t.Context(), "acme", "Acme.test."); err != nil {
			t.Error(err)
		}
		checkDomain(t, domains, "acme.test", "", "")
		add(t, domains, "globex", "acme.test")
		checkDomain(t, domains, "acme.test", "globex", "globex-shop")
	})
}

func TestDomainsRefuse(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		domains := store.Domains()
		tenantsOf(t, store, "acme")
		for _, name := range []string{
			"", ".", "acme.test:443", "https://acme.test", "acme..test", "-a.test", "a-.test", "bücher.test", "a b.test", "*.acme.test",
			"127.0.0.1", "1", "[::1]", "::1", "a\x00.test", "acme.test..", strings.Repeat("a", 64) + ".test", strings.Repeat("a.", 127) + "a",
		} {
			for what, err := range map[string]error{
				"Add": domains.Add(t.Context(), "acme", name), "Remove": domains.Remove(t.Context(), "acme", name),
			} {
				if !errors.Is(err, tenancy.ErrInvalidIdentifier) {
					t.Errorf("%s %.40q: got %v", what, name, err)
				}
			}
		}
		_, err := domains.Of(t.Context(), "")
		for _, err := range []error{err, domains.Add(t.Context(), "", "acme.test"), domains.Remove(t.Context(), "", "acme.test")} {
			if !errors.Is(err, tenancy.ErrInvalidID) {
				t.Errorf("without a tenant: got %v", err)
			}
		}
		if _, err := db.ExecContext(t.Context(), "DROP TABLE tenancy_domains"); err != nil {
			t.Fatal(err)
		}
		_, ofErr := domains.Of(t.Context(), "acme")
		_, idErr := domains.IDByDomain(t.Context(), "acme.test")
		_, identifierErr := domains.IdentifierByDomain(t.Context(), "acme.test")
		for _, err := range []error{
			ofErr, idErr, identifierErr, domains.Add(t.Context(), "acme", "acme.test"), domains.Remove(t.Context(), "acme", "acme.test"), store.Erase(t.Context(), "acme"),
		} {
			if !isOther(err) {
				t.Errorf("without the table: got %v", err)
			}
		}
		if _, err := store.ByID(t.Context(), "acme"); err != nil {
			t.Errorf("erased without its domains: %v", err)
		}
	})
}

func TestDomainsFollowTheirTenant(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		domains := store.Domains()
		tenantsOf(t, store, "acme", "globex")
		create(t, store, "Acme", "other-shop")
		add(t, domains, "acme", "acme.test", "www.acme.test")
		add(t, domains, "Acme", "other.test")
		add(t, domains, "globex", "globex.test")
		renameTo(t, store, "acme", "acme-corp")
		renameTo(t, store, "globex", "acme-shop") // the name that acme had
		checkDomain(t, domains, "acme.test", "acme", "acme-corp")
		if err := store.Erase(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		create(t, store, "acme", "acme-corp") // with the same id
		checkDomain(t, domains, "acme.test", "", "")
		checkDomainsOf(t, domains, "acme")
		checkDomain(t, domains, "other.test", "Acme", "other-shop")
		checkDomain(t, domains, "globex.test", "globex", "acme-shop")
		if err := store.Erase(t.Context(), "nobody"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("got %v", err)
		}
	})
}

// Of those who want a domain at once one gets it, and none is left of a tenant
// that is erased meanwhile.
func TestDomainsConcurrent(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		domains := store.Domains()
		const n = 8
		var got atomic.Int64
		var all sync.WaitGroup
		for i := range n {
			id := tenancy.ID(fmt.Sprintf("tenant-%d", i))
			tenantsOf(t, store, id)
			all.Go(func() {
				switch err := domains.Add(t.Context(), id, "wanted.test"); {
				case err == nil:
					got.Add(1)
				case !errors.Is(err, tenancy.ErrExists):
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got.Load() != 1 {
			t.Errorf("%d tenants got the domain", got.Load())
		}
		for i := range n {
			id := tenancy.ID(fmt.Sprintf("tenant-%d", i))
			all.Go(func() {
				if err := store.Erase(t.Context(), id); err != nil {
					t.Error(err)
				}
			})
			for j := range 3 {
				all.Go(func() {
					err := domains.Add(t.Context(), id, fmt.Sprintf("d%d-%d.test", i, j))
					if err != nil && !errors.Is(err, tenancy.ErrNotFound) {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		var left int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM tenancy_domains").Scan(&left); err != nil || left != 0 {
			t.Errorf("%d domains are left (%v)", left, err)
		}
	})
}

// A tenant is erased while it is given a domain, by connections whose
// transactions see by default what there was when they began.
func TestErasedWhileADomainIsAdded(t *testing.T) {
	t.Parallel()
	address, err := url.Parse(postgres().dsn(t))
	if err != nil {
		t.Fatal(err)
	}
	db := postgres().connect(t, address.String())
	address.RawQuery = strings.TrimPrefix(address.RawQuery+"&default_transaction_isolation=repeatable%20read", "&")
	repeatable := postgres().connect(t, address.String())
	if err := open(t, db).Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	tenantsOf(t, open(t, db), "acme")
	adding, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = adding.Rollback() }()
	for _, statement := range []string{
		"SELECT id FROM tenancy_tenants WHERE id = 'acme' FOR UPDATE",
		"INSERT INTO tenancy_domains (domain, tenant_id, created_at) VALUES ('acme.test', 'acme', now())",
	} {
		if _, err := adding.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	erased := make(chan error, 1)
	go func() { erased <- open(t, repeatable).Erase(t.Context(), "acme") }()
	deadline := time.Now().Add(30 * time.Second)
	for waiting := 0; waiting == 0; time.Sleep(5 * time.Millisecond) {
		err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'").Scan(&waiting)
		if err != nil || time.Now().After(deadline) || len(erased) > 0 {
			t.Fatalf("Erase does not wait (%v)", err)
		}
	}
	if err := adding.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-erased; err != nil {
		t.Error(err)
	}
	checkDomainsOf(t, open(t, db).Domains(), "acme")
}

// A lookup is one statement, whatever it is for, and reads no table.
func TestDomainsAreFoundByIndex(t *testing.T) {
	t.Parallel()
	db := postgres().empty(t)
	if err := open(t, db).Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	fillPostgres(t, db, 20_000)
	for _, statement := range []string{
		"INSERT INTO tenancy_domains SELECT identifier || '.test', id, now() FROM tenancy_tenants", "ANALYZE tenancy_domains",
	} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	plans := &plans{db: db}
	store, err := registry.NewEntStore(&explained{db.driver, plans}, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	checkDomain(t, store.Domains(), "tenant-0010000.test", "id-0010000", "tenant-0010000")
	checkDomain(t, store.Domains(), "nobody.test", "", "")
	checkDomain(t, store.Domains(), "no domain", "", "")
	checkDomainsOf(t, store.Domains(), "id-0010000", "tenant-0010000.test")
	if len(plans.all) != 7 {
		t.Errorf("%d statements for 7 calls", len(plans.all))
	}
	for _, plan := range plans.all {
		if strings.Contains(plan, "Seq Scan") {
			t.Errorf("a call reads a whole table:\n%s", plan)
		}
	}
}

// A tenant's domain is the tenant's, even if the cache that tenants are looked up
// in has not heard of a rename, and knows its identifier as another's.
func TestDomainsBesideACacheThatIsBehind(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, elsewhere *registry.EntStore, _ database) {
		tenantsOf(t, elsewhere, "acme", "globex")
		add(t, elsewhere.Domains(), "globex", "shop.globex.test")
		cache, err := registry.NewCache(elsewhere, registry.CacheConfig{TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		if _, err := cache.ByIdentifier(t.Context(), "acme-shop"); err != nil {
			t.Fatal(err)
		}
		renameTo(t, elsewhere, "acme", "acme-corp")
		renameTo(t, elsewhere, "globex", "acme-shop")
		gate, err := middleware.NewGate(cache, middleware.Host(elsewhere.Domains()), middleware.Config{})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop.globex.test/", nil)
		if a := gate.Admit(r); a.Tenant.ID != "globex" {
			t.Errorf("got %v", a.Tenant)
		}
	})
}

// queries counts those that pass through it.
type queries struct {
	dialect.Driver
	n atomic.Int64
}

func (q *queries) Query(ctx context.Context, query string, args, v any) error {
	q.n.Add(1)
	return q.Driver.Query(ctx, query, args, v)
}

// Requests to tenants' own domains, from the host to the row and back.
func TestDomainsServe(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		counted := &queries{Driver: db.driver}
		db.driver = counted
		base := open(t, db)
		store, err := registry.NewCache(base, registry.CacheConfig{})
		if err != nil {
			t.Fatal(err)
		}
		defer store.Close()
		domains, err := registry.NewDomainCache(base.Domains(), store, registry.DomainCacheConfig{})
		if err != nil {
			t.Fatal(err)
		}
		tenants, err := middleware.New(store, middleware.Host(domains), middleware.Config{})
		if err != nil {
			t.Fatal(err)
		}
		handler := tenants(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tenant, _ := tenancy.FromContext(r.Context())
			_, _ = w.Write([]byte(tenant.ID))
		}))
		get := func(host string, status int, want string) {
			t.Helper()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.Host = host
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			if w.Code != status || status == http.StatusOK && w.Body.String() != want {
				t.Errorf("%s: got %d %s, want %d %s", host, w.Code, w.Body, status, want)
			}
		}
		tenantsOf(t, store, "acme", "globex")
		get("shop.acme.test", http.StatusNotFound, "") // and remembered
		add(t, domains, "acme", "shop.acme.test")
		get("Shop.Acme.test.:8443", http.StatusOK, "acme")
		get("shop.globex.test", http.StatusNotFound, "")

		before := counted.n.Load()
		for range 20 {
			get("shop.acme.test", http.StatusOK, "acme")
			get("shop.globex.test", http.StatusNotFound, "")
			get("no_such..domain", http.StatusNotFound, "")
		}
		if n := counted.n.Load() - before; n != 0 {
			t.Errorf("%d queries for what is known", n)
		}

		renameTo(t, store, "acme", "acme-corp")
		renameTo(t, store, "globex", "acme-shop") // the name that acme had
		get("shop.acme.test", http.StatusOK, "acme")
		if _, err := store.SetStatus(t.Context(), "acme", tenancy.StatusSuspended); err != nil {
			t.Fatal(err)
		}
		get("shop.acme.test", http.StatusNotFound, "")
		if err := store.Erase(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
		get("shop.acme.test", http.StatusNotFound, "")
		add(t, domains, "globex", "shop.acme.test") // which is free
		get("shop.acme.test", http.StatusOK, "globex")
		if err := domains.Remove(t.Context(), "globex", "shop.acme.test"); err != nil {
			t.Fatal(err)
		}
		get("shop.acme.test", http.StatusNotFound, "")
	})
}
