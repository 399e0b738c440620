package noninterference

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// row is a row's columns, without id and tenant. A foreign key holds the key
// of the row that it names, and no column is nil. Rows are never changed.
type row map[string]any

// model is one tenant's rows by table and key: a small database that keeps the
// constraints of ent's schema and knows no other tenant.
type model struct {
	tables map[string]map[string]row
	schema map[string]*schema.Table
}

func newModel() *model {
	m := &model{tables: map[string]map[string]row{}, schema: map[string]*schema.Table{}}
	for _, t := range migrate.Tables {
		m.tables[t.Name] = map[string]row{}
		m.schema[t.Name] = t
	}
	return m
}

func (m *model) clone() *model {
	c := &model{tables: make(map[string]map[string]row, len(m.tables)), schema: m.schema}
	for name, rows := range m.tables {
		c.tables[name] = maps.Clone(rows)
	}
	return c
}

// equal reports whether both hold the same rows.
func (m *model) equal(other *model) bool {
	return maps.EqualFunc(m.tables, other.tables, func(a, b map[string]row) bool {
		return maps.EqualFunc(a, b, func(a, b row) bool { return maps.Equal(a, b) })
	})
}

// What becomes of an operation that a constraint forbids.
const (
	notFound  = "not found"
	notUnique = "not unique"
	refused   = "refused"   // it links to a row that is not there, or removes one that is linked to
	connected = "connected" // ent does not take a row away from another
)

// failed reports whether an answer is that of an operation that did nothing.
func failed(answer string) bool {
	return answer == notFound || answer == notUnique || answer == refused || answer == connected
}

const ok = "ok"

// insert adds a row and says what became of it.
func (m *model) insert(table, key string, r row) string {
	if !m.linksExist(table, r) {
		return refused
	}
	if _, there := m.tables[table][key]; there || m.taken(table, key, r) {
		return notUnique
	}
	m.tables[table][key] = r
	return ok
}

// update changes columns of a row; nil removes a value.
func (m *model) update(table, key string, changes row) string {
	old, there := m.tables[table][key]
	if !there {
		return notFound
	}
	r := maps.Clone(old)
	maps.Copy(r, changes)
	maps.DeleteFunc(r, func(_ string, v any) bool { return v == nil })
	if !m.linksExist(table, r) {
		return refused
	}
	if m.taken(table, key, r) {
		return notUnique
	}
	m.tables[table][key] = r
	return ok
}

func (m *model) linksExist(table string, r row) bool {
	for _, fk := range m.schema[table].ForeignKeys {
		key, linked := r[fk.Columns[0].Name].(string)
		if linked && isScoped(fk.RefTable) && m.tables[fk.RefTable.Name][key] == nil {
			return false
		}
	}
	return true
}

// isScoped reports whether a table holds rows of tenants.
func isScoped(t *schema.Table) bool {
	return slices.ContainsFunc(t.Columns, func(c *schema.Column) bool { return c.Name == tenantColumn })
}

const tenantColumn = "tenant_id"

// taken reports whether another row has the values of a unique index.
func (m *model) taken(table, key string, r row) bool {
	for _, columns := range uniques(m.schema[table]) {
		for other, o := range m.tables[table] {
			if other != key && sameValues(columns, r, o) {
				return true
			}
		}
	}
	return false
}

func uniques(t *schema.Table) [][]string {
	var all [][]string
	for _, c := range t.Columns {
		if c.Unique {
			all = append(all, []string{c.Name})
		}
	}
	for _, index := range t.Indexes {
		var columns []string
		for _, c := range index.Columns {
			if c.Name != tenantColumn {
				columns = append(columns, c.Name)
			}
		}
		if index.Unique && len(columns) > 0 {
			all = append(all, columns)
		}
	}
	return all
}

// sameValues reports whether the columns are equal, and none of them is NULL.
func sameValues(columns []string, a, b row) bool {
	for _, c := range columns {
		if a[c] == nil || a[c] != b[c] {
			return false
		}
	}
	return true
}

// remove deletes rows, with all that goes with them.
func (m *model) remove(table string, keys ...string) string {
	for _, key := range keys {
		delete(m.tables[table], key)
	}
	for name, t := range m.schema {
		for _, fk := range t.ForeignKeys {
			if fk.RefTable.Name != table {
				continue
			}
			column := fk.Columns[0].Name
			linked := m.keys(name, func(r row) bool { return slices.Contains(keys, fmt.Sprint(r[column])) })
			if answer := m.unlink(name, column, linked, fk.OnDelete); answer != ok {
				return answer
			}
		}
	}
	return ok
}

// unlink does to rows what their foreign key says when the row that it names goes.
func (m *model) unlink(table, column string, keys []string, action schema.ReferenceOption) string {
	switch {
	case len(keys) == 0:
		return ok
	case action == schema.Cascade:
		return m.remove(table, keys...)
	case action == schema.SetNull:
		for _, key := range keys {
			r := maps.Clone(m.tables[table][key])
			delete(r, column)
			m.tables[table][key] = r
		}
		return ok
	}
	return refused
}

// keys returns the keys of the rows that match, in the order of their making.
func (m *model) keys(table string, match func(row) bool) []string {
	var found []string
	for key, r := range m.tables[table] {
		if match(r) {
			found = append(found, key)
		}
	}
	slices.SortFunc(found, inOrder)
	return found
}

// where matches rows with a value in a column.
func where(column string, value any) func(row) bool {
	return func(r row) bool { return r[column] == value }
}

func all(row) bool { return true }

// inOrder compares keys by their numbers: user2 comes before user10.
func inOrder(a, b string) int {
	return cmp.Or(cmp.Compare(number(a), number(b)), strings.Compare(a, b))
}

func number(key string) int {
	n := 0
	for _, r := range key {
		if unicode.IsDigit(r) {
			n = n*10 + int(r-'0')
		}
	}
	return n
}

// textOf returns the text of a row, and nothing for a row that is not there.
func (m *model) textOf(table string, key any) string {
	k, _ := key.(string)
	text, _ := m.tables[table][k]["text"].(string)
	return text
}

// texts returns the texts of rows.
func (m *model) texts(table string, keys []string) []string {
	texts := make([]string, len(keys))
	for i, key := range keys {
		texts[i] = m.textOf(table, key)
	}
	return texts
}

// joined returns the texts of a table's rows that a column of a join table
// names, in rows whose other column has a value.
func (m *model) joined(join, column, key, other, table string) []string {
	var texts []string
	for _, r := range m.tables[join] {
		if r[column] == key {
			texts = append(texts, m.textOf(table, r[other]))
		}
	}
	return texts
}

// integer returns a number of a row, 0 if it has none.
func (r row) integer(column string) int {
	n, _ := r[column].(int)
	return n
}
