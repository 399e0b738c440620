package lifecycle_test

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestErasingASchemaSparesWhatHangsOnIt: DROP … CASCADE goes beyond the schema, into those of other tenants too. What is there is named,
// and nothing is dropped.
func TestErasingASchemaSparesWhatHangsOnIt(t *testing.T) {
	for _, c := range []struct {
		what   string
		make   string // {acme} and {beside} are schemas, and it runs in that of beside
		named  []string
		detach string
	}{
		{
			"an exclusion constraint by an extension",
			"CREATE EXTENSION btree_gist SCHEMA {acme}; CREATE TABLE bookings (room int, during tsrange, EXCLUDE USING gist (room WITH =, during WITH &&))",
			[]string{"bookings_room_during_excl", "operator class {acme}.gist_int4_ops", "extension btree_gist", "ALTER EXTENSION"},
			"ALTER EXTENSION btree_gist SET SCHEMA public",
		},
		{
			"a column of a type",
			"CREATE TYPE {acme}.mood AS ENUM ('x'); ALTER TABLE orders ADD COLUMN mood {acme}.mood",
			[]string{"column mood of table {beside}.orders", "type {acme}.mood"},
			"ALTER TABLE orders DROP COLUMN mood",
		},
		{
			"a view of several tenants",
			"CREATE SCHEMA reporting; CREATE VIEW reporting.all_orders AS SELECT id FROM {acme}.orders UNION ALL SELECT id FROM {beside}.orders",
			[]string{"view reporting.all_orders", "table {acme}.orders"},
			"DROP VIEW reporting.all_orders",
		},
		{
			"a foreign key",
			"ALTER TABLE orders ADD CONSTRAINT elsewhere FOREIGN KEY (customer_id) REFERENCES {acme}.customers (id) NOT VALID",
			[]string{"constraint elsewhere on table {beside}.orders"},
			"ALTER TABLE orders DROP CONSTRAINT elsewhere",
		},
		{
			"a partition",
			"CREATE TABLE {acme}.events (id int) PARTITION BY LIST (id); CREATE TABLE events PARTITION OF {acme}.events DEFAULT",
			[]string{"table {beside}.events", "table {acme}.events"},
			"ALTER TABLE {acme}.events DETACH PARTITION events",
		},
		{
			"a default, a trigger and a policy by functions",
			"CREATE SEQUENCE {acme}.numbers; CREATE FUNCTION {acme}.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';" +
				"CREATE FUNCTION {acme}.g() RETURNS bool LANGUAGE sql AS 'SELECT true';" +
				"CREATE TABLE more (n int DEFAULT nextval('{acme}.numbers')); CREATE TRIGGER t BEFORE INSERT ON more FOR EACH ROW EXECUTE FUNCTION {acme}.f();" +
				"CREATE POLICY p ON more USING ({acme}.g())",
			[]string{"default value for column n of table {beside}.more", "trigger t on table {beside}.more", "policy p on table {beside}.more"},
			"DROP TABLE more",
		},
		{
			"an extension that needs another one",
			"CREATE EXTENSION cube SCHEMA {acme}; CREATE EXTENSION earthdistance SCHEMA {beside}",
			[]string{"extension earthdistance", "extension cube"},
			"DROP EXTENSION earthdistance",
		},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, cell{dialect.Postgres, tenancy.IsolationSchema})
			l := w.lifecycle()
			acme, beside := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside"))
			fill := strings.NewReplacer("{acme}", acme.Placement.Schema, "{beside}", beside.Placement.Schema).Replace
			w.asSuperuser(fill("SET LOCAL search_path TO {beside}; " + c.make))
			_, err := l.Erase(t.Context(), acme.ID)
			if !errors.Is(err, tenancy.ErrCrossTenant) {
				t.Errorf("got %v", err)
			}
			for _, name := range c.named {
				if err != nil && !strings.Contains(err.Error(), fill(name)) {
					t.Errorf("it does not name %s: %v", fill(name), err)
				}
			}
			if !w.there(acme.Placement.Schema) || w.rows(acme) != full || w.rows(beside) != full {
				t.Fatal("something was dropped")
			}
			w.asSuperuser(fill("SET LOCAL search_path TO {beside}; " + c.detach)) // which fails if it is gone
			if _, err := l.Erase(t.Context(), acme.ID); err != nil {
				t.Errorf("detached: %v", err)
			}
			if got := w.rows(beside); got != full {
				t.Errorf("the other has rows %s", got)
			}
		})
	}
}

// TestErasingASchemaOfAllSorts: what belongs to it, or only refers to what is elsewhere, is in nobody's way.
func TestErasingASchemaOfAllSorts(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		l := w.lifecycle()
		acme := w.provision(l, newTenant("acme"))
		w.exec("CREATE TABLE public.countries (id int PRIMARY KEY); CREATE SCHEMA elsewhere; CREATE FUNCTION elsewhere.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
		w.exec("SET LOCAL search_path TO " + acme.Placement.Schema + ", public;" + `
CREATE EXTENSION btree_gist;
CREATE EXTENSION citext;
CREATE TYPE mood AS ENUM ('x');
CREATE TYPE pair AS (a mood, b text[]);
CREATE DOMAIN name AS citext CHECK (VALUE <> '');
CREATE CAST (pair AS text) WITH INOUT;
CREATE SEQUENCE numbers;
CREATE TABLE things (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n int DEFAULT nextval('numbers'), m mood[], p pair, x name,
	big text, twice int GENERATED ALWAYS AS (n * 2) STORED, country int REFERENCES public.countries ON DELETE CASCADE, parent int REFERENCES things,
	during tsrange, EXCLUDE USING gist (n WITH =, during WITH &&));
ALTER SEQUENCE numbers OWNED BY things.n;
CREATE INDEX ON things (lower(big)) WHERE n > 0;
CREATE STATISTICS dependent ON n, country FROM things;
CREATE TABLE events (id int, thing int REFERENCES things, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE events_1 PARTITION OF events FOR VALUES FROM (0) TO (10);
CREATE TABLE special () INHERITS (things);
CREATE VIEW seen AS SELECT t.*, e.id AS event FROM things t JOIN events e ON e.thing = t.id JOIN public.countries c ON c.id = t.country;
CREATE MATERIALIZED VIEW kept AS SELECT id, x FROM seen;
CREATE INDEX ON kept (x);
CREATE FUNCTION f(things) RETURNS mood LANGUAGE sql AS 'SELECT NULL::mood';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int);
CREATE FUNCTION same(pair, pair) RETURNS bool LANGUAGE sql AS 'SELECT $1 = $2';
CREATE OPERATOR ## (LEFTARG = pair, RIGHTARG = pair, FUNCTION = same);
CREATE TRIGGER t BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION elsewhere.f();
CREATE RULE r AS ON DELETE TO seen DO INSTEAD NOTHING;
ALTER TABLE things ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON things USING (f(things) IS NULL);
CREATE PUBLICATION told FOR TABLE things;
COMMENT ON TABLE things IS 'of all sorts';`)
		session, err := w.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer session.Close()
		if _, err := session.ExecContext(t.Context(), "CREATE TEMPORARY TABLE scratch (m "+acme.Placement.Schema+".mood)"); err != nil {
			t.Error(err)
		}
		receipt, err := l.Erase(t.Context(), acme.ID)
		if err != nil || !receipt.Dropped || w.there(acme.Placement.Schema) {
			t.Errorf("got %+v, %v", receipt, err)
		}
	})
}

// asSuperuser runs a script in the home.
func (w *world) asSuperuser(script string) {
	w.t.Helper()
	u, err := url.Parse(servers.PostgresAdmin(w.t))
	if err != nil {
		w.t.Fatal(err)
	}
	u.Path = w.url.Path
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(w.t.Context(), script); err != nil {
		w.t.Fatalf("%s: %v", script, err)
	}
}
