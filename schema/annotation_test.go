package schema_test

import (
	"testing"

	"github.com/entenancy/tenancy/schema"
)

// TestMergeKeepsContradictions: a schema that is said to be scoped by its
// mixin and global by itself has to arrive at entext as both, to be refused.
func TestMergeKeepsContradictions(t *testing.T) {
	t.Parallel()
	scoped := schema.Tenancy{Column: "org_id", Type: schema.UUID}
	global := schema.Global("why", schema.Writable()).(schema.Tenancy)
	want := schema.Tenancy{Column: "org_id", Type: schema.UUID, Global: true, Writable: true, Reason: "why"}
	if got := scoped.Merge(global); got != schema.Annotation(want) {
		t.Errorf("scoped and global merge to %+v", got)
	}
	if got := global.Merge(scoped); got != schema.Annotation(want) {
		t.Errorf("global and scoped merge to %+v", got)
	}
}
