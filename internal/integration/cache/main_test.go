// Package cache_test runs the registry's caches over real databases and Redis.
package cache_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind: a cache's ends with Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
