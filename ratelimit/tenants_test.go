package ratelimit_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// asked remembers what a limiter was asked about.
type asked struct{ keys []string }

func (a *asked) Allow(_ context.Context, key string, limit ratelimit.Limit) (ratelimit.Result, error) {
	a.keys = append(a.keys, key)
	return ratelimit.Result{Allowed: true, Limit: limit.Burst}, nil
}

func TestTenantsLimit(t *testing.T) {
	t.Parallel()
	tenants, err := ratelimit.NewTenants(&asked{}, ratelimit.PerMinute(60), ratelimit.TenantsConfig{
		Plans:       map[string]ratelimit.Limit{"gold": ratelimit.PerHour(600)},
		MetadataKey: "rate_limit",
		Limit: func(t tenancy.Tenant) (ratelimit.Limit, bool) {
			return ratelimit.PerSecond(7), t.ID == "special"
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := func(id tenancy.ID, plan string, limit any) tenancy.Tenant {
		return tenancy.Tenant{ID: id, Plan: plan}.WithMetadata(map[string]any{"rate_limit": limit})
	}
	for _, test := range []struct {
		tenant tenancy.Tenant
		want   ratelimit.Limit
	}{
		{tenancy.Tenant{ID: "acme"}, ratelimit.PerMinute(60)},
		{tenancy.Tenant{ID: "acme", Plan: "unknown"}, ratelimit.PerMinute(60)},
		{tenancy.Tenant{ID: "acme", Plan: "gold"}, ratelimit.PerHour(600)},
		{in("acme", "gold", "5/s"), ratelimit.PerSecond(5)},
		{in("acme", "gold", 9.0), ratelimit.PerHour(9)},
		{in("acme", "", 9), ratelimit.PerMinute(9)},
		{in("acme", "", int64(9)), ratelimit.PerMinute(9)},
		{in("acme", "", json.Number("9")), ratelimit.PerMinute(9)},
		{in("special", "gold", "5/s"), ratelimit.PerSecond(7)},
	} {
		if got, err := tenants.Limit(test.tenant); err != nil || got != test.want {
			t.Errorf("%v %q: got %v (%v), want %v", test.tenant, test.tenant.Plan, got, err, test.want)
		}
	}
	for _, value := range []any{0, -1, 1.5, "", "many", true, nil, []any{}, 1e300, json.Number("1.5")} {
		if got, err := tenants.Allow(t.Context(), in("acme", "", value)); !errors.Is(err, tenancy.ErrInvalidTenant) || got.Allowed {
			t.Errorf("metadata %v: got %v and %v, want ErrInvalidTenant", value, got, err)
		}
	}
	if _, err := tenants.Allow(t.Context(), tenancy.Tenant{}); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("no tenant: got %v", err)
	}
}

func TestTenantsBadLimits(t *testing.T) {
	t.Parallel()
	_, err := ratelimit.NewTenants(&asked{}, ratelimit.Limit{}, ratelimit.TenantsConfig{
		Plans: map[string]ratelimit.Limit{"gold": ratelimit.PerHour(-1), "free": ratelimit.PerHour(1)},
	})
	if !errors.Is(err, tenancy.ErrInvalidLimit) || !strings.Contains(err.Error(), "byDefault") || !strings.Contains(err.Error(), `Plans["gold"]`) {
		t.Errorf("got %v, want all that is wrong", err)
	}
	if _, err := ratelimit.NewTenants(nil, ratelimit.PerHour(1), ratelimit.TenantsConfig{}); err == nil {
		t.Error("a nil limiter was accepted")
	}
	if _, err := ratelimit.NewClients(nil, ratelimit.PerHour(1)); err == nil {
		t.Error("a nil limiter was accepted")
	}
	if _, err := ratelimit.NewClients(&asked{}, ratelimit.Limit{}); !errors.Is(err, tenancy.ErrInvalidLimit) {
		t.Errorf("got %v", err)
	}
	tenants, err := ratelimit.NewTenants(&asked{}, ratelimit.PerHour(1), ratelimit.TenantsConfig{
		Limit: func(tenancy.Tenant) (ratelimit.Limit, bool) { return ratelimit.Limit{}, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tenants.Allow(t.Context(), tenancy.Tenant{ID: "acme"}); !errors.Is(err, tenancy.ErrInvalidLimit) {
		t.Errorf("a function's limit: got %v", err)
	}
}

// Keys of different tenants, and of tenants and clients, are never the same.
func TestKeysDoNotCollide(t *testing.T) {
	t.Parallel()
	a := &asked{}
	tenants, err := ratelimit.NewTenants(a, ratelimit.PerHour(1), ratelimit.TenantsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	clients, err := ratelimit.NewClients(a, ratelimit.PerHour(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []tenancy.ID{"acme", "Acme", "acmé", "acme ", "tenant:acme", "client:192.0.2.1", "192.0.2.1", "1/1h0m0s:acme"} {
		if _, err := tenants.Allow(t.Context(), tenancy.Tenant{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range []netip.Addr{
		netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:0:1::1"), {},
	} {
		if _, err := clients.Allow(t.Context(), addr); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, key := range a.keys {
		if seen[key] {
			t.Errorf("%q is the key of two", key)
		}
		seen[key] = true
	}
}

func TestClientsOfOneNetwork(t *testing.T) {
	t.Parallel()
	for _, same := range [][2]string{
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff"},
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	} {
		a := &asked{}
		clients, err := ratelimit.NewClients(a, ratelimit.PerHour(1))
		if err != nil {
			t.Fatal(err)
		}
		for _, addr := range same {
			if _, err := clients.Allow(t.Context(), netip.MustParseAddr(addr)); err != nil {
				t.Fatal(err)
			}
		}
		if a.keys[0] != a.keys[1] {
			t.Errorf("%v are counted apart", same)
		}
	}
}
