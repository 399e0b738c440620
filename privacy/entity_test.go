package privacy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
)

// TestEachValueStandsForOneID: what a database would take for the same is refused.
func TestEachValueStandsForOneID(t *testing.T) {
	t.Parallel()
	const uuid = "0190c6a2-7d3e-7000-8000-00000000abcd"
	for _, c := range []struct {
		column  privacy.Column
		id      tenancy.ID
		want    any
		refused []string
	}{
		{privacy.StringColumn("tenant_id"), "007", "007", nil},
		{privacy.Int64Column("tenant_id"), "-7", int64(-7), []string{"", "007", "+7", "-0", "7.0", " 7", "9223372036854775808", uuid}},
		{privacy.UUIDColumn("tenant_id"), uuid, uuid, []string{"", strings.ToUpper(uuid), "{" + uuid + "}", strings.ReplaceAll(uuid, "-", ""), "urn:uuid:" + uuid, "7"}},
	} {
		if got, err := c.column.Value(c.id); err != nil || got != c.want {
			t.Errorf("%q is %v, %v", c.id, got, err)
		}
		for _, id := range c.refused {
			if got, err := c.column.Value(tenancy.ID(id)); !errors.Is(err, tenancy.ErrInvalidID) || got != nil {
				t.Errorf("%q is %v, %v", id, got, err)
			}
		}
	}
}
