package quota

import (
	"context"
	"maps"
	"sync"

	"github.com/entenancy/tenancy"
)

// Memory keeps counters in this process, for as long as it runs. It is safe for
// concurrent use, and none of its methods fails.
type Memory struct {
	mu   sync.Mutex
	used map[Counter]int64
}

var _ Store = (*Memory)(nil)

// NewMemory returns a Store for tests and for an application of one process
// that may forget.
func NewMemory() *Memory { return &Memory{used: map[Counter]int64{}} }

// Consume implements [Store].
func (m *Memory) Consume(_ context.Context, c Counter, n, limit int64) (int64, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used[c] > limit-n {
		return m.used[c], false, nil
	}
	m.used[c] += n
	return m.used[c], true, nil
}

// Release implements [Store].
func (m *Memory) Release(_ context.Context, c Counter, n int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.used[c] <= n {
		delete(m.used, c)
		return nil
	}
	m.used[c] -= n
	return nil
}

// Used implements [Store].
func (m *Memory) Used(_ context.Context, c Counter) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.used[c], nil
}

// ForgetBefore implements [Store].
func (m *Memory) ForgetBefore(_ context.Context, c Counter) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.used, func(of Counter, _ int64) bool {
		return of.TenantID == c.TenantID && of.Quota == c.Quota && of.Period != "" && of.Period < c.Period
	})
	return nil
}

// Forget implements [Store].
func (m *Memory) Forget(_ context.Context, id tenancy.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	maps.DeleteFunc(m.used, func(c Counter, _ int64) bool { return c.TenantID == id })
	return nil
}
