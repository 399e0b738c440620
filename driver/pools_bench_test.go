package driver

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
)

// opened returns pools with n tenants, whose URLs are as long as they are in life.
func opened(tb testing.TB, n int) (*pools, []tenancy.Tenant) {
	tb.Helper()
	ps, _ := newFake(tb, Databases{})
	all := make([]tenancy.Tenant, n)
	for i := range all {
		all[i] = fakeTenant(i)
		all[i].Version = 7
		p, err := ps.lease(tb.Context(), all[i])
		must(tb, err)
		p.release()
	}
	return ps, all
}

func TestLeaseAllocatesNothing(t *testing.T) {
	ps, all := opened(t, 1)
	tenant := fakeTenant(0) // of another read of the registry, with a URL of its own
	tenant.Version = all[0].Version
	ctx := t.Context()
	allocations := testing.AllocsPerRun(100, func() {
		p, err := ps.lease(ctx, tenant)
		if err != nil {
			t.Fatal(err)
		}
		p.release()
	})
	if allocations != 0 {
		t.Errorf("a lease allocates %g times, want never", allocations)
	}
}

func BenchmarkLease(b *testing.B) {
	ps, all := opened(b, 1000)
	lease := func(b *testing.B, tenant tenancy.Tenant) {
		b.Helper()
		p, err := ps.lease(b.Context(), tenant)
		if err != nil {
			b.Error(err)
			return
		}
		p.release()
	}
	b.Run("goroutines=1", func(b *testing.B) {
		b.ReportAllocs()
		for i := range b.N {
			lease(b, all[i%len(all)])
		}
	})
	for _, goroutines := range []int{4, 16} {
		b.Run(fmt.Sprintf("goroutines=%d", goroutines), func(b *testing.B) {
			b.ReportAllocs()
			var next atomic.Int64
			b.SetParallelism(max(1, goroutines/4)) // of GOMAXPROCS, which is 4 as a rule
			b.RunParallel(func(pb *testing.PB) {
				for i := int(next.Add(61)); pb.Next(); i++ {
					lease(b, all[i%len(all)])
				}
			})
		})
	}
}
