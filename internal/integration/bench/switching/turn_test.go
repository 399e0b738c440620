package switching_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"
)

// contest is one operation of all variants at one site.
type contest struct {
	*site
	variants  []variant
	operation operation
}

// request is about any of the variant's tenants, with the same chance for each.
// Where there are fewer than goroutines, as with databases, each goroutine has
// one of them: their connections are rationed, and not what is measured here.
func (c *contest) request(v *variant, worker int) request {
	if n := len(v.tenants); n < c.connections {
		return c.about(v, worker%n)
	}
	return c.about(v, rand.IntN(len(v.tenants)))
}

// about is a request of the tenant of a number.
func (c *contest) about(v *variant, number int) request {
	return request{v.tenants[number], number*c.rows + 1 + rand.IntN(c.rows-listed+1)}
}

func (c *contest) do(ctx context.Context, v *variant, r request) error {
	if err := c.operation.run(v.shop, ctx, r); err != nil {
		return fmt.Errorf("%s: %s: %w", v.name, c.operation.name, err)
	}
	return nil
}

// together has as many goroutines work as the site has connections.
func (c *contest) together(work func(worker int) error) error {
	errs := make([]error, c.connections)
	var all sync.WaitGroup
	for worker := range c.connections {
		all.Go(func() { errs[worker] = work(worker) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// round gives every variant a turn of about the time given, in random order.
func (c *contest) round(ctx context.Context, d time.Duration) ([]float64, error) {
	took := make([]float64, len(c.variants))
	for _, i := range rand.Perm(len(c.variants)) {
		var err error
		if took[i], err = c.turn(ctx, &c.variants[i], d); err != nil {
			return nil, err
		}
	}
	return took, nil
}

// turn returns nanoseconds: the median of what an operation took where there is
// one goroutine, and with more of them the time in which all together did one.
//
// It measures for the time given, after half of that, in which the processors
// get back what they knew of these connections: those of a variant that was not
// on just before would take longer at first, however fast it is.
func (c *contest) turn(ctx context.Context, v *variant, d time.Duration) (float64, error) {
	took := make([][]float64, c.connections)
	err := c.together(func(worker int) (err error) {
		took[worker], err = c.work(ctx, v, worker, d)
		return err
	})
	if err != nil {
		return 0, err
	}
	if c.connections == 1 {
		return quantile(took[0], .5), nil
	}
	rate := 0.0
	for _, of := range took {
		rate += 1 / mean(of) // whenever the others stop
	}
	return 1 / rate, nil
}

// work returns what each operation took, in nanoseconds.
func (c *contest) work(ctx context.Context, v *variant, worker int, d time.Duration) ([]float64, error) {
	var took []float64
	start := time.Now().Add(d / 2)
	for begin := time.Now(); begin.Sub(start) < d || len(took) == 0; {
		if err := c.do(ctx, v, c.request(v, worker)); err != nil {
			return nil, err
		}
		end := time.Now()
		if begin.After(start) {
			took = append(took, float64(end.Sub(begin)))
		}
		begin = end
	}
	return took, nil
}

// visit has connections see all the tenants of the variants that need it.
func (c *contest) visit(ctx context.Context) error {
	for i := range c.variants {
		v := &c.variants[i]
		err := c.together(func(worker int) error {
			for n := range v.visits * len(v.tenants) {
				number := (n + worker*len(v.tenants)/c.connections) % len(v.tenants)
				if err := c.do(ctx, v, c.about(v, number)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// memory returns the allocations of one operation, and their bytes. It counts
// as testing.AllocsPerRun does, which has no bytes: on one processor.
func (c *contest) memory(tb testing.TB, v *variant) (allocs, bytes float64) {
	tb.Helper()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const runs = 500
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range runs {
		if err := c.do(tb.Context(), v, c.request(v, 0)); err != nil {
			tb.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / runs, float64(after.TotalAlloc-before.TotalAlloc) / runs
}

func mean(v []float64) float64 {
	sum := 0.0
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// quantile returns the q-quantile of v, which must not be empty.
func quantile(v []float64, q float64) float64 {
	v = slices.Sorted(slices.Values(v))
	at := q * float64(len(v)-1)
	low := int(at)
	high := min(low+1, len(v)-1)
	return v[low] + (at-float64(low))*(v[high]-v[low])
}
