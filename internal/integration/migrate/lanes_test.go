package migrate_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// gate is a connector that lets connections be made once it is open, and counts how many are at once.
type gate struct {
	driver sqldriver.Driver
	dsn    string
	open   <-chan struct{}
	in     func(delta int)
}

func (g *gate) Connect(context.Context) (sqldriver.Conn, error) {
	g.in(1)
	<-g.open
	g.in(-1)
	return g.driver.Open(g.dsn)
}

func (g *gate) Driver() sqldriver.Driver { return g.driver }

// TestServersDoNotWaitForEachOther has a server that does not answer before all tenants of the other are done.
func TestServersDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := newLite(t, 0)
	dir := t.TempDir()
	for i := range 12 {
		server := []string{"slow", "quick"}[i%2]
		path := filepath.Join(dir, fmt.Sprintf("%s%d.db", server, i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		f.record(f.tenantOf(path))
	}
	var mu sync.Mutex
	opened, answered := make(chan struct{}), make(chan struct{})
	close(opened)
	now, most, quick := 0, 0, 0
	count := func(delta int) {
		mu.Lock()
		defer mu.Unlock()
		now += delta
		most = max(most, now)
	}
	runner := f.runner(directory(t, dialect.SQLite, lite()), func(c *migrate.Config) {
		c.Concurrency = 2
		c.Open = func(_ context.Context, tenant tenancy.Tenant) (migrate.Database, error) {
			g := &gate{driver: f.home.Driver(), dsn: "file:" + tenant.Placement.Schema, open: opened, in: func(int) {}}
			server := "quick"
			if strings.Contains(g.dsn, "slow") {
				server, g.open, g.in = "slow", answered, count
			}
			return migrate.Database{DB: sql.OpenDB(g), Server: server}, nil
		}
		c.OnResult = func(r migrate.Result) {
			if strings.Contains(string(r.Tenant.ID), "quick") {
				if quick++; quick == 6 {
					close(answered)
				}
			}
		}
	})
	wantReport(t, apply(t, runner), 12, 0, 0, 0)
	if most != 2 {
		t.Errorf("%d at once on a server, want 2", most)
	}
}

// TestOneTenantTwice provisions a tenant from two processes at once.
func TestOneTenantTwice(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 1)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			d := directory(t, f.dialect, killed(f.dialect))
			var wait sync.WaitGroup
			for range 4 {
				wait.Go(func() {
					runner := f.runner(d, func(c *migrate.Config) {
						if f.dialect == dialect.SQLite {
							c.Open = openLite
						}
					})
					if _, err := runner.ApplyTo(t.Context(), f.tenants[0]); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
			switch f.dialect {
			case dialect.Postgres:
				f.wantComplete(d)
			case dialect.MySQL:
				f.wantMaria()
			default:
				f.wantLiteAlone()
			}
		})
	}
}
