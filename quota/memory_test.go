package quota_test

import (
	"testing"

	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/quota/quotatest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	quotatest.Run(t, func(*testing.T) quota.Store { return quota.NewMemory() })
}
