package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestBatchForSchemaMode is pitfall 1: a statement must be prepared under the
// tenant's search path, where its table is, from the first use on.
func TestBatchForSchemaMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for number := sharedTenants; number < len(w.tenants); number++ {
		table := fmt.Sprintf("only_%d", number)
		schema := quoted(w.tenants[number].Placement.Schema)
		run(t, w.owner, "CREATE TABLE "+schema+"."+table+" (id int)", "GRANT ALL ON "+schema+"."+table+" TO "+appRole(w))
		must(t, count(w.as(t, number), db, "SELECT id FROM "+table+" WHERE id = $1", 1))
		other := sharedTenants + (number-sharedTenants+1)%schemaTenants
		wantErr(t, count(w.as(t, other), db, "SELECT id FROM "+table+" WHERE id = $1", 1), tenancy.ErrNotProvisioned)
		must(t, count(w.as(t, number), db, "SELECT id FROM "+table+" WHERE id = $1", 1))
	}
}

// prepared returns the texts of our statements on the one connection of the pool.
func prepared(tb testing.TB, db *sql.DB) []string {
	tb.Helper()
	rows, err := db.QueryContext(system(tb), "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'tenancy!_%' ESCAPE '!' ORDER BY prepare_time")
	must(tb, err)
	defer rows.Close()
	var texts []string
	for rows.Next() {
		var text string
		must(tb, rows.Scan(&text))
		texts = append(texts, text)
	}
	must(tb, rows.Err())
	return texts
}

func TestHotSchemaEarnsItsOwnStatement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	of := func() (n int) {
		for _, text := range prepared(t, db) {
			if text == itemsOf {
				n++
			}
		}
		return n
	}
	w.sees(t, sharedTenants, db)    // prepared for all schemas
	for use := 1; use <= 5; use++ { // and used
		w.sees(t, sharedTenants+1, db)
		if got, want := of(), 1+map[bool]int{true: 1}[use >= 2]; got != want {
			t.Errorf("after %d uses there are %d statements, want %d", use, got, want)
		}
	}
	tx, err := db.BeginTx(w.as(t, sharedTenants+2), nil)
	must(t, err)
	for range 5 {
		w.sees(t, sharedTenants+2, tx)
	}
	must(t, tx.Commit())
	if of() != 2 {
		t.Error("a statement was prepared behind another within a transaction, which it could abort")
	}
	w.sees(t, 0, db)
	if of() != 3 {
		t.Error("the connection's own search path shares a statement with the schemas")
	}
}

func TestStatementCacheIsBounded(t *testing.T) {
	t.Parallel()
	const limit = 8
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{StatementCache: limit, SchemaStatements: limit})
	for i := range 100 {
		number := i % len(w.tenants)
		must(t, count(w.as(t, number), db, fmt.Sprintf("SELECT %d FROM items WHERE id > $1", i/7), 0))
		w.sees(t, number, db)
	}
	must(t, count(w.as(t, 0), db, itemsOf, 0)) // takes the last closed one along
	if got := len(prepared(t, db)); got > 2*limit+2 {
		t.Errorf("the server has %d statements, want at most twice %d and two for the settings", got, limit)
	}
	for name, config := range map[string]postgres.Config{"StatementCache": {StatementCache: -1}, "SchemaStatements": {SchemaStatements: -1}} {
		if _, err := postgres.NewConnector(w.config(t), config); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("a negative cache: %v", err)
		}
	}
}

// inList is a query with so many parameters.
func inList(parameters int) (query string, args []any) {
	query = "SELECT name FROM items WHERE id IN (0"
	for i := range parameters {
		query += fmt.Sprintf(", $%d", i+1)
		args = append(args, i)
	}
	return query + ")", args
}

// TestLongTextsCountForMore has the server's memory bounded, and not only the
// number of its statements.
func TestLongTextsCountForMore(t *testing.T) {
	t.Parallel()
	const limit = 16
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{StatementCache: limit, SchemaStatements: limit})
	use := func(query string, args []any) (made int) {
		for number := sharedTenants; number < len(w.tenants); number++ {
			for range 3 {
				must(t, count(w.as(t, number), db, query, args...))
			}
		}
		w.sees(t, 0, db) // takes closed ones along
		for _, text := range prepared(t, db) {
			if text == query {
				made++
			}
		}
		return made
	}
	if got := use(inList(1000)); got != 1 { // of more than 4 kB
		t.Errorf("there are %d statements of a long text, want the one that schemas share", got)
	}
	if got := use(inList(650)); got != 1+limit/8 { // counts for eight
		t.Errorf("there are %d statements of a shorter one, want %d and the shared one", got, limit/8)
	}
	for i := range 3 * limit {
		query, args := inList(1000 + i)
		must(t, count(w.as(t, i%len(w.tenants)), db, query, args...))
	}
	w.sees(t, 0, db)
	bytes := 0
	for _, text := range prepared(t, db) {
		bytes += len(text)
	}
	if most := 2 * limit * 4096; bytes > most {
		t.Errorf("the server has statements of %d bytes, want %d at most", bytes, most)
	}
}

// TestLongTextIsKeptOnce looks at what the client keeps for schemas that use a text once.
func TestLongTextIsKeptOnce(t *testing.T) { // not beside others: it looks at the heap
	const schemas, length = 2000, 4000
	w := newWorldOf(t, 0, 0)
	db := w.open(t, 1, postgres.Config{})
	heap := func() int {
		var stats runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&stats)
		return int(stats.HeapAlloc)
	}
	use := func(i int) {
		tenant := tenancy.Tenant{ID: tenancy.ID(fmt.Sprint("t", i)), Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: fmt.Sprint("no_", i)}}
		must(t, count(tenancy.NewContext(t.Context(), tenant), db, "SELECT $1::int -- "+strings.Repeat("x", length), 1))
	}
	use(0)
	before := heap()
	for i := range schemas {
		use(1 + i)
	}
	if more := heap() - before; more > schemas*length/2 {
		t.Errorf("%d schemas that used a text of %d bytes take %d bytes of heap", schemas, length, more)
	}
	runtime.KeepAlive(db)
}

// TestEquallyUsedSchemasShareAStatement has more schemas than the cache holds.
// Those that have a statement of their own must keep it, whatever the others
// do, unless one of these is used more than all of them.
func TestEquallyUsedSchemasShareAStatement(t *testing.T) {
	t.Parallel()
	const schemas, limit = 24, 8
	w := newWorldOf(t, 0, schemas)
	db := w.open(t, 1, postgres.Config{SchemaStatements: limit})
	made := func(use func()) int {
		t.Helper()
		before := statementNames(t, db)
		use()
		return len(slices.DeleteFunc(statementNames(t, db), func(name string) bool { return slices.Contains(before, name) }))
	}
	inTurn := func() {
		for number := range schemas {
			w.sees(t, number, db)
		}
	}
	for number := range limit { // which is all the cache holds
		for range 4 {
			w.sees(t, number, db)
		}
	}
	if got := len(statementNames(t, db)); got != limit+2 {
		t.Fatalf("%d statements, want the %d that the cache holds, the shared one and one for the settings", got, limit)
	}
	for round := range 20 {
		if got := made(inTurn); got != 0 {
			t.Fatalf("round %d pushed %d statements out", round, got)
		}
	}
	random, total := rand.New(rand.NewPCG(1, 2)), 0
	for range 20 {
		total += made(func() {
			for range schemas {
				w.sees(t, random.IntN(schemas), db)
			}
		})
	}
	if total > 5 {
		t.Errorf("%d uses at random pushed %d statements out", 20*schemas, total)
	}
	often := func() {
		for range 4 * limit {
			w.sees(t, schemas-1, db)
		}
	}
	if first, then := made(often), made(often); first != 1 || then != 0 {
		t.Errorf("a schema used more than the others got %d statements and then %d, want 1 and no more", first, then)
	}
}

// statementNames returns the names of our statements on the one connection of the pool.
func statementNames(tb testing.TB, db *sql.DB) []string {
	tb.Helper()
	rows, err := db.QueryContext(system(tb), "SELECT name FROM pg_prepared_statements WHERE name LIKE 'tenancy!_%' ESCAPE '!'")
	must(tb, err)
	defer rows.Close()
	var found []string
	for rows.Next() {
		var name string
		must(tb, rows.Scan(&name))
		found = append(found, name)
	}
	must(tb, rows.Err())
	return found
}

// TestSameStatementNameReparsed is pitfall 4: PgBouncer 1.21 and newer ends the
// connection of a client that gives a name a second time.
func TestSameStatementNameReparsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, seen := w.config(t), &recorder{}
	config.Tracer = seen
	db := openConfig(t, 1, config, postgres.Config{StatementCache: 1})
	for range 5 {
		for number := range w.tenants {
			w.sees(t, number, db)
			must(t, count(w.as(t, number), db, "SELECT 1 WHERE $1 = 1", 1))
		}
	}
	if len(seen.names) < 2*len(w.tenants) {
		t.Fatalf("only %d statements were prepared", len(seen.names))
	}
	slices.Sort(seen.names)
	if all := len(seen.names); len(slices.Compact(seen.names)) < all {
		t.Errorf("some of %d names were given twice", all)
	}
}

// TestCachedPlanMustNotChangeResultType migrates a table beneath its prepared statements.
func TestCachedPlanMustNotChangeResultType(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	public, schema := "public.items", quoted(w.tenants[sharedTenants].Placement.Schema)+".items"
	for round, kind := range []string{"varchar(300)", "varchar(400)", "text"} {
		for range 4 {
			w.sees(t, 0, db)
			w.sees(t, sharedTenants, db)
			must(t, count(w.as(t, 0), db, "SELECT * FROM items WHERE id = $1", 1))
		}
		for _, table := range []string{public, schema} {
			run(t, w.owner, "ALTER TABLE "+table+" ALTER name TYPE "+kind, fmt.Sprintf("ALTER TABLE %s ADD extra%d int", table, round))
		}
		w.sees(t, 0, db)
		w.sees(t, sharedTenants, db)
		must(t, count(w.as(t, 0), db, "SELECT * FROM items WHERE id = $1", 1))
	}
	tx, err := db.BeginTx(w.as(t, 0), nil)
	must(t, err)
	w.sees(t, 0, tx)
	must(t, tx.Commit())
	run(t, w.owner, "ALTER TABLE public.items ALTER name TYPE varchar(500)")
	tx, err = db.BeginTx(w.as(t, 0), nil)
	must(t, err)
	must(t, count(w.as(t, 0), tx, "SELECT $1::int", 1))
	_, err = names(w.as(t, 0), tx)
	wantCode(t, err, "0A000") // a transaction is not repeated behind its caller's back
	must(t, tx.Rollback())
	run(t, w.owner, "ALTER TABLE public.items ALTER name TYPE text")
	w.sees(t, 0, db)
	run(t, w.owner, "ALTER TABLE public.items ALTER name TYPE varchar(500)")
	tx, err = db.BeginTx(w.as(t, 0), nil)
	must(t, err)
	w.sees(t, 0, tx) // but its repetition works
	must(t, tx.Commit())
}

// TestSchemasOfDifferentVersions runs one text on tables whose column has
// another type in every schema.
func TestSchemasOfDifferentVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kinds := map[string]string{"1": "integer", "2": "text", "3.1-rc_1": "numeric"}
	versions := map[tenancy.ID]string{}
	number := sharedTenants
	for version, kind := range kinds {
		tenant := w.tenants[number]
		table := quoted(tenant.Placement.Schema) + ".typed"
		run(t, w.owner, "CREATE TABLE "+table+" (v "+kind+")", "INSERT INTO "+table+" VALUES ('7')", "GRANT ALL ON "+table+" TO "+appRole(w))
		versions[tenant.ID] = version
		number++
	}
	for name, config := range map[string]postgres.Config{
		"told":     {SchemaVersion: func(t tenancy.Tenant) string { return versions[t.ID] }},
		"not told": {},
	} {
		t.Run(name, func(t *testing.T) {
			db := w.open(t, 1, config)
			for range 6 {
				for number := sharedTenants; number < sharedTenants+len(kinds); number++ {
					var got string
					var kind string
					must(t, db.QueryRowContext(w.as(t, number), "SELECT v, pg_typeof(v) FROM typed WHERE v = $1", "7").Scan(&got, &kind))
					if got != "7" || kind != kinds[versions[w.tenants[number].ID]] {
						t.Errorf("got %s %q", kind, got)
					}
				}
			}
			nothingStays(t, db)
			if name == "told" {
				for _, version := range versions {
					if !strings.Contains(strings.Join(prepared(t, db), "\n"), "/* schema "+version+" */") {
						t.Errorf("version %s is in no statement", version)
					}
				}
			}
		})
	}
	injected := w.open(t, 1, postgres.Config{SchemaVersion: func(tenancy.Tenant) string { return "1 */ DROP" }})
	_, err := names(w.as(t, 0), injected)
	wantErr(t, err, tenancy.ErrInvalidPlacement)
}

// TestStatementsLost takes the prepared statements away from under the driver,
// once as DISCARD ALL does, and then as often as a pooler that swaps connections.
func TestStatementsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for range 6 {
		for number := range w.tenants {
			w.sees(t, number, db)
		}
		deallocate(t, db)
		for _, number := range []int{sharedTenants, 0} {
			w.sees(t, number, db)
		}
	}
	if got := prepared(t, db); len(got) > 0 {
		t.Errorf("after so many losses the connector still prepares: %q", got)
	}
	w.sees(t, 0, db)
	w.sees(t, sharedTenants, db)
	_, err := names(system(t), db)
	must(t, err)
}

// deallocate has the one connection of the pool lose its statements without the
// driver's knowing.
func deallocate(tb testing.TB, db *sql.DB) {
	tb.Helper()
	conn, err := db.Conn(system(tb))
	must(tb, err)
	defer conn.Close()
	must(tb, postgres.Raw(system(tb), conn, func(c *pgx.Conn) error {
		_, err := c.Exec(system(tb), "DEALLOCATE ALL")
		return err
	}))
}

// TestPreparedStatementsBypassingTheWrapper is pitfall 8.
func TestPreparedStatementsBypassingTheWrapper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 2, postgres.Config{})
	stmt, err := db.PrepareContext(t.Context(), itemsOf) // once, for all of them
	must(t, err)
	defer stmt.Close()
	via := stmtQuerier{stmt: stmt}
	for range 4 {
		for number := range w.tenants {
			w.sees(t, number, via)
			_, err := stmt.ExecContext(w.as(t, number), 0)
			must(t, err)
		}
		_, err := names(t.Context(), via)
		wantErr(t, err, tenancy.ErrNoTenant)
	}
	tx, err := db.BeginTx(w.as(t, 0), nil)
	must(t, err)
	inTx := stmtQuerier{stmt: tx.StmtContext(w.as(t, 0), stmt)}
	w.sees(t, 0, inTx)
	_, err = names(w.as(t, 1), inTx)
	wantErr(t, err, tenancy.ErrCrossTenant)
	must(t, tx.Commit())
}

// stmtQuerier runs its statement whatever it is asked.
type stmtQuerier struct {
	querier
	stmt *sql.Stmt
}

func (q stmtQuerier) QueryContext(ctx context.Context, _ string, args ...any) (*sql.Rows, error) {
	return q.stmt.QueryContext(ctx, args...)
}
