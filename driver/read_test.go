package driver

import (
	"testing"

	"entgo.io/ent/dialect"
)

func TestIsRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		query string
		read  bool
		only  string // the dialect that it is about, "" for all
	}{
		{query: `SELECT 1`, read: true},
		{query: "\n select * from orders;\n", read: true},
		{query: `SELECT "orders"."id" FROM "orders" WHERE "orders"."tenant_id" = $1 AND "before" IN ($2, $3)`, read: true},
		{query: `SELECT 'for update', ';' FROM "blocked_for" -- lock in share mode`, read: true},
		{query: `SELECT /* into, for */ format(price), locked FROM information`, read: true},
		{query: "SELECT `for`, `lock`.`into` FROM `lock`", read: true, only: dialect.MySQL},
		{query: `SELECT "for" FROM "into" WHERE "lock" = $1`, read: true, only: dialect.Postgres},
		{query: `SELECT '\\' FROM orders`, read: true},

		{query: ``},
		{query: `SELECT`},
		{query: `WITH a AS (SELECT 1) SELECT * FROM a`},
		{query: `INSERT INTO orders VALUES (1)`},
		{query: `SELECT 1 FROM orders FOR UPDATE`},
		{query: `select 1 from orders for update`},
		{query: "SELECT 1 FROM orders\nFOR\nSHARE"},
		{query: "SELECT 1 FROM orders\tFor No Key Update SKIP LOCKED"},
		{query: `SELECT 1 FROM orders/**/FOR UPDATE`},
		{query: `SELECT 1 FROM orders WHERE (a = 'x')FOR UPDATE`},
		{query: `SELECT 1 FROM orders WHERE a = 1FOR UPDATE`},
		{query: `SELECT 1 FROM orders WHERE a = $1FOR UPDATE`},
		{query: `SELECT 1 FROM orders WHERE id < 1e5FOR UPDATE`},
		{query: `SELECT 1 FROM orders WHERE id < .5e1for share`},
		{query: `SELECT 1 FROM orders WHERE id < 0x1fLOCK IN SHARE MODE`},
		{query: `SELECT 1 FROM orders LOCK IN SHARE MODE`},
		{query: "select 1 from orders lock\nin share mode"},
		{query: `SELECT * INTO copies FROM orders`},
		{query: `SELECT id into @a FROM orders`},
		{query: `SELECT 1; DELETE FROM orders`},
		{query: `SELECT pg_advisory_lock(1)`},
		{query: `SELECT pg_catalog.pg_try_advisory_xact_lock (1)`},
		{query: `SELECT pg_catalog."pg_advisory_lock"(1)`},
		{query: `SELECT get_lock('a', 1)`},
		// What the texts hide from who does not know the server's syntax.
		{query: `SELECT E'\'' FROM orders FOR UPDATE -- '`, only: dialect.Postgres},
		{query: `SELECT $$'$$ FROM orders FOR UPDATE -- '`, only: dialect.Postgres},
		{query: `SELECT $a$'$a$ FROM orders FOR UPDATE -- '`, only: dialect.Postgres},
		{query: "SELECT 1 -- '\rFROM orders FOR UPDATE", only: dialect.Postgres},
		{query: "SELECT 1 ` 2 FROM orders FOR UPDATE", only: dialect.Postgres},
		{query: `SELECT '\' FROM orders FOR UPDATE -- '`, only: dialect.MySQL},
		{query: `SELECT 1 FROM orders /*!40000 FOR UPDATE */`, only: dialect.MySQL},
		{query: `SELECT 1 /*!99999 ' */ FROM orders FOR UPDATE -- '`, only: dialect.MySQL},
		{query: `SELECT 1 /*M!999999 ' */ FROM orders FOR UPDATE -- '`, only: dialect.MySQL},
	} {
		for _, d := range []string{dialect.Postgres, dialect.MySQL, dialect.SQLite} {
			if test.only != "" && test.only != d {
				continue
			}
			if got := isRead(d, test.query); got != test.read {
				t.Errorf("%s, %q: read is %t", d, test.query, got)
			}
		}
	}
}
