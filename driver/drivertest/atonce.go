package drivertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
)

// rounds is how often each goroutine does everything.
const rounds = 6

// atOnce has two goroutines for each tenant, on whatever connections there are.
func atOnce(t *testing.T, c Cell) {
	f := c.open(t)
	var wg sync.WaitGroup
	for i := range 2 * len(c.Tenants) {
		tenant := c.Tenants[i%len(c.Tenants)]
		wg.Go(func() {
			own := *f
			own.batch = rand.Text()
			ctx := tenancy.NewContext(t.Context(), tenant)
			for round := range rounds {
				if err := own.works(ctx, tenant, 3*round); err != nil {
					t.Errorf("%s, round %d: %v", tenant, round, err)
					return
				}
			}
		})
	}
	wg.Wait()
	f.wantIdle(t)
}

// works adds three rows to those that are there, and looks at them on the way.
func (f *fixture) works(ctx context.Context, tenant tenancy.Tenant, have int) error {
	if err := f.add(ctx, f); err != nil {
		return err
	}
	if err := f.has(ctx, f, tenant, have+1); err != nil {
		return err
	}
	for _, commit := range []bool{true, false} {
		began, err := f.Tx(ctx)
		if err != nil {
			return err
		}
		x, ok := began.(queryer)
		if !ok {
			return fmt.Errorf("%T has no ExecContext or no QueryContext", began)
		}
		for range 2 {
			if err == nil {
				err = f.add(ctx, x)
			}
		}
		end := began.Rollback
		if commit {
			end = began.Commit
		}
		if err := errors.Join(err, end()); err != nil {
			return fmt.Errorf("in a transaction: %w", err)
		}
		if err := f.has(ctx, f, tenant, have+3); err != nil {
			return err
		}
	}
	return nil
}

// has says what is wrong with the rows that a tenant sees.
func (f *fixture) has(ctx context.Context, on queryer, tenant tenancy.Tenant, want int) error {
	owners, err := f.finds(ctx, on)
	if err != nil {
		return err
	}
	if len(owners) != want || slices.ContainsFunc(owners, func(o string) bool { return o != string(tenant.ID) }) {
		return fmt.Errorf("it sees the rows of %q, want %d of its own", owners, want)
	}
	return nil
}

// closes closes a driver that was used.
func closes(t *testing.T, c Cell) {
	f := c.open(t)
	for i := range c.Tenants {
		if err := f.add(c.as(t, i), f); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	for i := range c.Tenants {
		for method, err := range f.everyCall(c.as(t, i), f) {
			if err == nil {
				t.Errorf("%s works on a driver that is closed", method)
			}
		}
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close once more: %v", err)
	}
}
