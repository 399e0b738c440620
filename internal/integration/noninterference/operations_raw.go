package noninterference

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// rawOperations are written without a thought of tenants: where the database
// keeps them apart it does so here too.
func rawOperations() []*operation {
	raw := []*operation{
		{name: "SQL: names of users", reads: true, run: func(c *call) (string, error) {
			return c.rawStrings("SELECT name FROM %s ORDER BY id", "users")
		}, want: func(v *view) string { return v.list("users", v.keys("users", all)) }},
		{name: "SQL: count orders of owners", reads: true, run: func(c *call) (string, error) {
			return c.rawStrings("SELECT count(*) FROM %s o JOIN %s u ON u.id = o.owner_id", "orders", "users")
		}, want: func(v *view) string {
			return fmt.Sprint(len(v.keys("orders", func(r row) bool { return r["owner_id"] != nil })))
		}},
		{name: "SQL: make all users older", run: func(c *call) (string, error) {
			return c.rawExec("UPDATE %s SET age = age + 1 WHERE age < "+c.parameter(1), []string{"users"}, 3)
		}, want: func(v *view) string {
			return v.updateAll("users", func(r row) bool { return r.integer("age") < 3 }, func(r row) row { return row{"age": r.integer("age") + 1} })
		}},
		{name: "SQL: delete items", run: func(c *call) (string, error) {
			return c.rawExec("DELETE FROM %s WHERE price = "+c.parameter(1), []string{"items"}, c.n(0, 5))
		}, want: func(v *view) string {
			return v.removeAll("items", func(r row) bool { return r.integer("price") == v.n(0, 5) })
		}},
		{name: "SQL: insert memo", run: func(c *call) (string, error) {
			return c.rawExec("INSERT INTO %s (tenant_id, text) VALUES ("+c.parameter(1)+", "+c.parameter(2)+")", []string{"memos"},
				string(c.place.Tenants[c.tenant].ID), c.text(c.new(memo), 0))
		}, want: func(v *view) string {
			wantNamed(memo)(v)
			return "1"
		}},
	}
	for _, op := range raw {
		op.raw = true
	}
	return raw
}

// parameter is how the nth argument is written.
func (c *call) parameter(n int) string {
	if c.place.Driver.Dialect() == dialect.Postgres {
		return fmt.Sprint("$", n)
	}
	return "?"
}

func (c *call) named(query string, tables []string) string {
	names := make([]any, len(tables))
	for i, t := range tables {
		names[i] = c.place.table(t)
	}
	return fmt.Sprintf(query, names...)
}

func (c *call) rawExec(query string, tables []string, arguments ...any) (string, error) {
	result, err := c.exec(c.ctx, c.named(query, tables), arguments...)
	if err != nil {
		return "", err
	}
	n, err := result.RowsAffected()
	return counted(int(n), err)
}

func (c *call) rawStrings(query string, tables ...string) (answer string, err error) {
	rows, err := c.query(c.ctx, c.named(query, tables))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	texts, err := scan(rows)
	return strings.Join(slices.Clip(texts), " "), err
}

func scan(rows *sql.Rows) (texts []string, err error) {
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	return texts, rows.Err()
}
