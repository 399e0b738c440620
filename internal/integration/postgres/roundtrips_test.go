package postgres_test

import (
	"database/sql"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestRoundTrips counts at the network what the driver promises.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, test := range []struct {
		name                     string
		config                   postgres.Config
		tenant                   int
		first, warm, transaction int64
	}{
		{"row-level security", postgres.Config{}, 0, 2, 1, 4},
		{"row-level security, eager", postgres.Config{EagerBegin: true}, 0, 2, 1, 5},
		{"row-level security, unnamed", postgres.Config{Unnamed: true}, 0, 1, 1, 4},
		{"schema", postgres.Config{}, sharedTenants, 2, 1, 4},
		{"schema, eager", postgres.Config{EagerBegin: true}, sharedTenants, 2, 1, 5},
		{"schema, unnamed", postgres.Config{Unnamed: true}, sharedTenants, 1, 1, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := w.open(t, 1, test.config)
			must(t, db.PingContext(t.Context()))
			expect := func(what string, want int64, do func()) {
				t.Helper()
				if got := w.during(do); got != want {
					t.Errorf("%s: %d round trips, want %d", what, got, want)
				}
			}
			expect("first use", test.first, func() { w.sees(t, test.tenant, db) })
			for range 6 { // the schema's own statement rides along in one of them
				expect("query", test.warm, func() { w.sees(t, test.tenant, db) })
			}
			ctx := w.as(t, test.tenant)
			update := func(db querier) {
				_, err := db.ExecContext(ctx, "UPDATE items SET name = name WHERE id = $1", 1)
				must(t, err)
			}
			update(db)
			expect("exec", 1, func() { update(db) })
			expect("script", 1, func() {
				_, err := db.ExecContext(ctx, "UPDATE items SET name = name; SELECT 1")
				must(t, err)
			})
			expect("transaction of three", test.transaction, func() { transactionOfThree(t, w, db, test.tenant, update) })
			expect("transaction of none", test.transaction-4+map[bool]int64{true: 1}[test.config.EagerBegin], func() {
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				must(t, tx.Commit())
			})
		})
	}
}

func transactionOfThree(t *testing.T, w *world, db *sql.DB, tenant int, update func(querier)) {
	t.Helper()
	tx, err := db.BeginTx(w.as(t, tenant), nil)
	must(t, err)
	w.sees(t, tenant, tx)
	update(tx)
	w.sees(t, tenant, tx)
	must(t, tx.Commit())
}

// TestManySchemasTakeOneRoundTrip shows that a cold schema costs none more.
func TestManySchemasTakeOneRoundTrip(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, sharedTenants, db)
	for number := sharedTenants + 1; number < len(w.tenants); number++ {
		if got := w.during(func() { w.sees(t, number, db) }); got != 1 {
			t.Errorf("the first query of another schema took %d round trips", got)
		}
	}
}
