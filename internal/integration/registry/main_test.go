package registry_test

import (
	"testing"

	"go.uber.org/goleak"
)

// No test leaves a goroutine behind: of the store, which starts none, or of a
// driver that was told to stop.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
