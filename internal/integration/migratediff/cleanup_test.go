package migratediff_test

import (
	"context"
	"testing"
)

// cleaning is a test whose context has not ended when it is cleaned up.
type cleaning struct{ testing.TB }

// Context implements [testing.TB].
func (cleaning) Context() context.Context { return context.Background() }
