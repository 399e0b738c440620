package switching_test

import "testing"

// small is a world for tests: a few places of each kind, so that the next
// tenant of a connection is another one.
func small() size { return size{tenants: 8, rows: 2 * listed, schemas: 8, databases: 2} }

// TestRoundTrips counts at the network what every variant takes for the
// operations once its statements are prepared, with tenants in turns: for this
// library one for a statement, and for a transaction never more than plain ent.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	var counted trips
	s := &site{world: newWorld(t, small()), connections: 1, dial: counted.dial}
	variants := s.open(t)
	for i := range variants {
		v := &variants[i]
		t.Run(v.name, func(t *testing.T) {
			for _, op := range operations() {
				c := &contest{s, variants, op}
				c.countTrips(t, v, &counted)
			}
			if v.ours && (v.statement != 1 || v.transaction > variants[0].transaction) {
				t.Errorf("%d round trips for a statement and %d for a transaction are more than plain ent's", v.statement, v.transaction)
			}
		})
	}
}

// countTrips goes round the tenants until a schema has earned statements of its
// own, which must not take a round trip either.
func (c *contest) countTrips(t *testing.T, v *variant, counted *trips) {
	t.Helper()
	run := func(number int) {
		if err := c.do(t.Context(), v, c.about(v, number)); err != nil {
			t.Fatal(err)
		}
	}
	for number := range v.tenants { // prepares the statements, in each database
		run(number)
	}
	for range 6 {
		for number := range v.tenants {
			want := v.trips(c.operation)
			if got := counted.during(func() { run(number) }); got != want {
				t.Errorf("%s of %s: %d round trips, want %d", c.operation.name, v.tenants[number], got, want)
			}
		}
	}
}
