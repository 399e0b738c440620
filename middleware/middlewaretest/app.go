package middlewaretest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
)

// ErrApp is how the application fails on /error. It looks like an error of this
// library, and is still none of a tenant handler's business.
var ErrApp = fmt.Errorf("middlewaretest: no such order: %w", tenancy.ErrNotFound)

// StatusApp is the status that the application answers ErrApp with.
const StatusApp = 418

// PanicValue is what the application panics with on /panic.
const PanicValue = "middlewaretest: the application panics"

// noTenant is what Tenant answers where there is none.
const noTenant = "no tenant"

// App is what the routes of the application do, without the framework that
// serves them. It notes what goes wrong for the suite to report. It is safe for
// concurrent use.
type App struct {
	more  chan struct{} // a stream sends one more line for each value
	ended chan struct{} // closed when a stream is over

	endOnce  sync.Once
	mu       sync.Mutex
	faults   []string
	outside  int // calls of Outside
	panicked int // calls of Recovered
	after    sync.WaitGroup
}

func newApp() *App {
	return &App{more: make(chan struct{}), ended: make(chan struct{})}
}

// Tenant returns the body of /tenant, /health and the like: the id of the tenant in ctx.
// Work that outlives the request looks at it again.
func (a *App) Tenant(ctx context.Context) string {
	tenant, err := tenancy.FromContext(ctx)
	if errors.Is(err, tenancy.ErrNoTenant) {
		return noTenant
	}
	if err != nil {
		return err.Error()
	}
	want := strings.Clone(tenant.Identifier)
	detached := tenancy.Detach(ctx)
	a.after.Go(func() {
		for range 3 {
			runtime.Gosched()
			if later, err := tenancy.FromContext(detached); err != nil || later.Identifier != want || later.ID != tenant.ID {
				a.fault("work that goes on after the request of %q sees %v, %v", want, later, err)
			}
		}
	})
	return string(tenant.ID)
}

// Stream is /stream: lines that each say whose they are, the first at once and
// each other when the suite asks for it. It ends when ctx is over or a write fails.
func (a *App) Stream(ctx context.Context, w io.Writer, flush func() error) {
	defer a.endOnce.Do(func() { close(a.ended) })
	for {
		if _, err := fmt.Fprintf(w, "data: %s\n\n", a.Tenant(ctx)); err != nil {
			return
		}
		if err := flush(); err != nil {
			return
		}
		select {
		case <-a.more:
		case <-ctx.Done():
			return
		}
	}
}

// Panic is /panic.
func (a *App) Panic() {
	panic(PanicValue) //nolint:forbidigo // it is what the application does that the suite serves
}

// Recovered is told what the outermost middleware has recovered from /panic.
func (a *App) Recovered(value any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.panicked++
	if value != PanicValue {
		a.faults = append(a.faults, fmt.Sprintf("the panic came out as %v", value))
	}
}

// Outside is told the context that the outermost middleware has when all inside
// of it is done, also after an error or a panic.
func (a *App) Outside(ctx context.Context) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.outside++
	if got, err := tenancy.FromContext(ctx); !errors.Is(err, tenancy.ErrNoTenant) {
		a.faults = append(a.faults, fmt.Sprintf("outside of the tenant handler the context has %v, %v", got, err))
	}
}

func (a *App) fault(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
}

// wantOutside fails if the outermost middleware has not looked at what is left.
func (a *App) wantOutside(t *testing.T, times int) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.outside < times {
		t.Errorf("App.Outside was called %d times, want %d: the outermost middleware has to, after each request", a.outside, times)
	}
}

// problems waits for work that outlives requests, and returns what went wrong.
func (a *App) problems() []string {
	a.after.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.faults)
}

// hasEnded asks the stream for more until it has noticed that its client has gone.
func (a *App) hasEnded(within time.Duration) bool {
	deadline := time.After(within)
	for {
		select {
		case a.more <- struct{}{}:
		case <-a.ended:
			return true
		case <-deadline:
			return false
		}
	}
}
