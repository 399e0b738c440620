package driver_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver"
)

// odd is a driver whose values cannot be compared.
type odd struct {
	dialect.Driver
	closed []*int
}

func (odd) Dialect() string { return dialect.Postgres }

func (o odd) Close() error {
	*o.closed[0]++
	return nil
}

func TestCloseClosesEachOnce(t *testing.T) {
	t.Parallel()
	var home, system int
	one := &odd{closed: []*int{&home}}
	for name, test := range map[string]struct {
		home, system  dialect.Driver
		closed, other int
	}{
		"no System":                   {one, nil, 1, 0},
		"the home is System":          {one, one, 1, 0},
		"two":                         {one, &odd{closed: []*int{&system}}, 1, 1},
		"two that cannot be compared": {*one, odd{closed: []*int{&system}}, 1, 1},
	} {
		home, system = 0, 0
		d, err := driver.New(test.home, driver.Config{System: test.system})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil || home != test.closed || system != test.other {
			t.Errorf("%s: the home was closed %d times, and System %d times: %v", name, home, system, err)
		}
	}
}
