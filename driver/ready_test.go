package driver_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// silent is a home that answers nothing and counts what it is asked.
type silent struct {
	dialect.Driver
	asked atomic.Int64
}

func (*silent) Dialect() string                 { return dialect.Postgres }
func (*silent) Switches(tenancy.Isolation) bool { return true }
func (s *silent) Close() error                  { return nil }
func (s *silent) Tx(context.Context) (dialect.Tx, error) {
	s.asked.Add(1)
	return dialect.NopTx(s), nil
}

func (s *silent) Exec(context.Context, string, any, any) error {
	s.asked.Add(1)
	return nil
}

func (s *silent) Query(context.Context, string, any, any) error {
	s.asked.Add(1)
	return nil
}

// readyDriver is a driver over a silent home.
func readyDriver(tb testing.TB, ready func(context.Context, tenancy.Tenant) error) (*driver.Driver, *silent) {
	tb.Helper()
	home := &silent{}
	d, err := driver.New(home, driver.Config{Ready: ready})
	if err != nil {
		tb.Fatal(err)
	}
	return d, home
}

func inSchema(id tenancy.ID, version int64) tenancy.Tenant {
	return tenancy.Tenant{
		ID: id, Identifier: string(id), Name: string(id), Status: tenancy.StatusActive, Version: version,
		Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: string(id)},
	}
}

func exec(ctx context.Context, d dialect.ExecQuerier, t tenancy.Tenant) error {
	return d.Exec(tenancy.NewContext(ctx, t), "DELETE FROM orders", []any{}, nil)
}

func TestReadyIsAskedOncePerRecord(t *testing.T) {
	t.Parallel()
	var asked []tenancy.Tenant
	d, home := readyDriver(t, func(_ context.Context, tenant tenancy.Tenant) error {
		asked = append(asked, tenant)
		return nil
	})
	moved := inSchema("acme", 2)
	moved.Placement.Schema = "elsewhere"
	for _, tenant := range []tenancy.Tenant{
		inSchema("acme", 1), inSchema("acme", 1), inSchema("globex", 1), inSchema("acme", 1),
		inSchema("acme", 2), inSchema("acme", 1), // a context that is older than the record
		moved, moved,
	} {
		if err := exec(t.Context(), d, tenant); err != nil {
			t.Fatal(err)
		}
	}
	if len(asked) != 4 || asked[1].ID != "globex" || asked[2].Version != 2 || asked[3].Placement.Schema != "elsewhere" {
		t.Errorf("asked about %d: %v", len(asked), asked)
	}
	if n := home.asked.Load(); n != 8 {
		t.Errorf("%d statements were sent", n)
	}
}

func TestReadyRefuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, behind := 0, true
		d, home := readyDriver(t, func(_ context.Context, tenant tenancy.Tenant) error {
			if asked++; behind && tenant.ID == "acme" {
				return tenancy.ErrBehind
			}
			return nil
		})
		acme := inSchema("acme", 1)
		ctx := tenancy.NewContext(t.Context(), acme)
		for name, try := range map[string]func() error{
			"Exec":  func() error { return exec(t.Context(), d, acme) },
			"Query": func() error { return d.Query(ctx, "SELECT 1", []any{}, nil) },
			"Tx":    func() error { _, err := d.Tx(ctx); return err },
			"Conn":  func() error { _, err := d.Conn(ctx); return err },
		} {
			if err := try(); !errors.Is(err, tenancy.ErrBehind) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if home.asked.Load() != 0 || asked != 1 {
			t.Errorf("%d statements were sent, Ready was asked %d times", home.asked.Load(), asked)
		}
		if err := exec(t.Context(), d, inSchema("globex", 1)); err != nil {
			t.Errorf("another tenant: %v", err)
		}
		behind = false
		if err := exec(t.Context(), d, acme); !errors.Is(err, tenancy.ErrBehind) {
			t.Errorf("asked again at once: %v", err)
		}
		time.Sleep(2 * time.Second) // of the bubble's clock
		if err := exec(t.Context(), d, acme); err != nil {
			t.Errorf("after its migration: %v", err)
		}
	})
}

func TestReadyIsAskedOnceByMany(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	answer := make(chan struct{})
	d, _ := readyDriver(t, func(context.Context, tenancy.Tenant) error {
		asked.Add(1)
		<-answer
		return nil
	})
	// The one who asks first gives up; the others still get its answer.
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- exec(ctx, d, inSchema("acme", 1)) }()
	for asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if err := exec(t.Context(), d, inSchema("acme", 1)); err != nil {
				t.Error(err)
			}
		})
	}
	close(answer)
	wait.Wait()
	if n := asked.Load(); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestReadyThatPanicsRefuses(t *testing.T) {
	t.Parallel()
	d, home := readyDriver(t, func(context.Context, tenancy.Tenant) error { panic("broken") })
	if err := exec(t.Context(), d, inSchema("acme", 1)); err == nil || home.asked.Load() != 0 {
		t.Errorf("got %v, and %d statements were sent", err, home.asked.Load())
	}
	if err := d.Exec(tenancy.System(t.Context(), "a job"), "DELETE FROM orders", []any{}, nil); err != nil {
		t.Errorf("a System scope is nobody's: %v", err)
	}
}

// BenchmarkReady is what Config.Ready costs a statement of a tenant that is known.
func BenchmarkReady(b *testing.B) {
	for name, ready := range map[string]func(context.Context, tenancy.Tenant) error{
		"without": nil, "with": func(context.Context, tenancy.Tenant) error { return nil },
	} {
		b.Run(name, func(b *testing.B) {
			d, _ := readyDriver(b, ready)
			ctx := tenancy.NewContext(b.Context(), inSchema("acme", 1))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := d.Exec(ctx, "DELETE FROM orders", nil, nil); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// TestForgottenTenantIsAskedAboutAgain has a tenant come again under its old id.
func TestForgottenTenantIsAskedAboutAgain(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	d, _ := readyDriver(t, func(context.Context, tenancy.Tenant) error { asked.Add(1); return nil })
	for _, version := range []int64{7, 1} {
		for range 2 {
			if err := exec(t.Context(), d, inSchema("acme", version)); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.Forget(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("Ready was asked %d times, want once for each tenant", n)
	}
}
