package databases_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// BenchmarkQuery compares a query of a tenant's own database with the same on
// an *sql.DB that is opened for it alone, with and without the tenant's setting.
// All have as many connections.
func BenchmarkQuery(b *testing.B) {
	const conns = 16
	tenant := newTenant(b, newDatabase(b))
	drv := newDriver(b, driver.Databases{MaxConnsPerTenant: conns})
	config, err := pgx.ParseConfig(tenant.Placement.DatabaseURL.Reveal())
	must(b, err)
	connector, err := postgres.NewConnector(config, postgres.Config{})
	must(b, err)
	direct := sql.OpenDB(connector)
	plain, err := sql.Open("pgx", tenant.Placement.DatabaseURL.Reveal())
	must(b, err)
	for _, db := range []*sql.DB{direct, plain} {
		db.SetMaxOpenConns(conns)
		db.SetMaxIdleConns(conns)
		b.Cleanup(func() { _ = db.Close() })
	}
	type query func(context.Context, string, ...any) (*sql.Rows, error)
	for _, goroutines := range []int{1, 16} {
		for _, variant := range []struct {
			name  string
			query query
		}{{"pgx", plain.QueryContext}, {"connector", direct.QueryContext}, {"driver", drv.QueryContext}} {
			b.Run(fmt.Sprintf("goroutines=%d/%s", goroutines, variant.name), func(b *testing.B) {
				benchmark(b, goroutines, func() error {
					return point(tenancy.NewContext(b.Context(), tenant), variant.query, tenant)
				})
			})
		}
	}
}

// point reads one row.
func point(ctx context.Context, query func(context.Context, string, ...any) (*sql.Rows, error), t tenancy.Tenant) error {
	rows, err := query(ctx, "SELECT name FROM items WHERE tenant_id = $1", string(t.ID))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return err
		}
	}
	return rows.Err()
}

// benchmark runs do in a number of goroutines, b.N times in all.
func benchmark(b *testing.B, goroutines int, do func() error) {
	b.Helper()
	b.ReportAllocs()
	var next atomic.Int64
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for next.Add(1) <= int64(b.N) {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkQuietBesideLoud measures what a quiet tenant notices of a loud one
// that would use all connections. It alternates between the two situations, and
// reports the ratio of their 99th percentiles.
func BenchmarkQuietBesideLoud(b *testing.B) {
	const budget, loudly, block = 8, 32, 200
	drv := newDriver(b, driver.Databases{MaxConns: budget})
	quiet, loud := newTenant(b, newDatabase(b)), newTenant(b, newDatabase(b))
	var took [2][]time.Duration
	measure := func(situation, n int) {
		for range n {
			began := time.Now()
			must(b, whose(b.Context(), drv, quiet))
			took[situation] = append(took[situation], time.Since(began))
		}
	}
	for n := 0; n < b.N; n += block {
		measure(0, block)
		done := make(chan struct{})
		var all sync.WaitGroup
		for range loudly {
			all.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
						if err := whose(b.Context(), drv, loud); err != nil {
							b.Error(err)
							return
						}
					}
				}
			})
		}
		measure(1, block)
		close(done)
		all.Wait()
	}
	alone, beside := percentile(took[0], 99), percentile(took[1], 99)
	b.ReportMetric(float64(alone.Microseconds()), "µs-p99-alone")
	b.ReportMetric(float64(beside.Microseconds()), "µs-p99-beside")
	b.ReportMetric(float64(beside)/float64(alone), "p99-ratio")
}

func percentile(of []time.Duration, percent int) time.Duration {
	slices.Sort(of)
	return of[min(len(of)-1, len(of)*percent/100)]
}

// BenchmarkSlidingTenants has fifty of two hundred tenants active at a time, on
// fewer and on more connections than that.
func BenchmarkSlidingTenants(b *testing.B) {
	const active, workers = 50, 64
	for _, budget := range []int{25, 60} {
		b.Run(fmt.Sprintf("conns=%d", budget), func(b *testing.B) {
			f := newFleet(b, 200, 10, driver.Databases{MaxConns: budget})
			var next atomic.Int64
			b.ResetTimer()
			benchmark(b, workers, func() error {
				n := int(next.Add(1))
				return whose(b.Context(), f.drv, f.tenants[(n/1000+n*7%active)%len(f.tenants)])
			})
			b.ReportMetric(float64(f.drv.Stats().Servers[0].Opened)/float64(b.N), "connects/op")
		})
	}
}
