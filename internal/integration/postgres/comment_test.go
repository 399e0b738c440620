package postgres_test

import (
	"context"
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// ownText asks the server for the text of the very statement that asks.
const ownText = "SELECT query, $1::bigint FROM pg_stat_activity WHERE pid = pg_backend_pid()"

// asker is what a driver and its transactions have of a querier.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// through is a querier that asks through a driver.
type through struct {
	querier
	asker
}

func (q through) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return q.asker.QueryContext(ctx, query, args...)
}

// textOf returns what the server sees of a statement.
func textOf(ctx context.Context, t *testing.T, q asker) string {
	t.Helper()
	var text string
	var number int64
	rows, err := q.QueryContext(ctx, ownText, int64(7))
	must(t, err)
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("no row: %v", rows.Err())
	}
	must(t, rows.Scan(&text, &number))
	must(t, rows.Err())
	if number != 7 {
		t.Errorf("the argument came back as %d", number)
	}
	return text
}

func commented(t *testing.T, db *sql.DB, comment func(context.Context) bool) *driver.Driver {
	t.Helper()
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, db), driver.Config{Comment: comment})
	must(t, err)
	return drv
}

// TestCommentsReachTheServerAndNoCache has every tenant use two texts often
// enough to earn statements of its own: they are as few as without comments.
func TestCommentsReachTheServerAndNoCache(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var counts []int
	for _, comment := range []func(context.Context) bool{nil, func(context.Context) bool { return true }} {
		db := w.open(t, 1, postgres.Config{})
		drv := commented(t, db, comment)
		for range 5 {
			for number, tenant := range w.tenants {
				want := ownText
				if comment != nil {
					want += " /*tenant='" + strings.ReplaceAll(url.QueryEscape(string(tenant.ID)), "+", "%20") + "'*/"
				}
				if got := textOf(w.as(t, number), t, drv); got != want {
					t.Errorf("the server sees %q, want %q", got, want)
				}
				w.sees(t, number, through{asker: drv})
				_, err := drv.ExecContext(w.as(t, number), "UPDATE items SET name = name; ") // a script
				must(t, err)
				tx, err := drv.Tx(w.as(t, number))
				must(t, err)
				if got := textOf(w.as(t, number), t, tx.(asker)); got != want {
					t.Errorf("in a transaction the server sees %q, want %q", got, want)
				}
				must(t, tx.Commit())
			}
		}
		if got := textOf(system(t), t, drv); got != ownText {
			t.Errorf("in a System scope the server sees %q", got)
		}
		statements := prepared(t, db)
		for _, text := range statements {
			if strings.Contains(text, "/*tenant=") {
				t.Errorf("a statement of one tenant is prepared: %q", text)
			}
		}
		counts = append(counts, len(statements))
	}
	if counts[0] == 0 || counts[0] != counts[1] {
		t.Errorf("there are %d statements without comments, and %d with them", counts[0], counts[1])
	}
}

// TestCommentsOfAChangedTable changes the types under statements that are prepared.
func TestCommentsOfAChangedTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drv := commented(t, w.open(t, 1, postgres.Config{}), func(context.Context) bool { return true })
	w.sees(t, 0, through{asker: drv})
	scan := func() (value any) {
		t.Helper()
		rows, err := drv.QueryContext(w.as(t, 0), "SELECT n FROM changing WHERE n >= $1", 0)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			must(t, rows.Scan(&value))
		}
		must(t, rows.Err())
		return value
	}
	run(t, w.owner, "CREATE TABLE public.changing (n integer)", "INSERT INTO public.changing VALUES (5)", "GRANT SELECT ON public.changing TO public")
	if got := scan(); got != int64(5) {
		t.Errorf("got %v (%T)", got, got)
	}
	run(t, w.owner, "ALTER TABLE public.changing ALTER n TYPE numeric(10,2)")
	if got := scan(); got != "5.00" {
		t.Errorf("after the change got %v (%T)", got, got)
	}
}

// TestCommentsAreOfThoseThatAreAskedFor has a Comment that looks at the tenant.
func TestCommentsAreOfThoseThatAreAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drv := commented(t, w.open(t, 1, postgres.Config{}), func(ctx context.Context) bool {
		tenant, err := tenancy.FromContext(ctx)
		return err == nil && tenant.ID == w.tenants[1].ID
	})
	for number := range w.tenants {
		if got := textOf(w.as(t, number), t, drv); strings.Contains(got, "/*tenant=") != (number == 1) {
			t.Errorf("of tenant %d the server sees %q", number, got)
		}
	}
}
