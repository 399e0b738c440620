package isolation

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// row is one row of a place as text, column by column.
type row struct {
	place, table string
	values       map[string]string
}

// rows holds every row by its place, table and primary key.
type rows map[string]row

// snapshot reads all rows of all tables in all places, past ent.
func (db *Database) snapshot(ctx context.Context) (rows, error) {
	all := make(rows)
	for _, p := range db.places() {
		for _, t := range p.tables {
			if err := db.read(ctx, p, t, all); err != nil {
				return nil, fmt.Errorf("reading table %s%s: %w", p.name, t.Name, err)
			}
		}
	}
	return all, nil
}

func (db *Database) read(ctx context.Context, p place, t *schema.Table, all rows) (err error) {
	columns := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		columns[i] = c.Name
	}
	query, _ := entsql.Dialect(db.Dialect).Select(columns...).From(entsql.Dialect(db.Dialect).Table(t.Name)).Query()
	result, err := p.admin.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = result.Close() }()
	for result.Next() {
		values, err := texts(result, columns)
		if err != nil {
			return err
		}
		all[p.name+key(t, values)] = row{p.name, t.Name, values}
	}
	return result.Err()
}

func texts(result *sql.Rows, columns []string) (map[string]string, error) {
	cells := make([]any, len(columns))
	for i := range cells {
		cells[i] = new(any)
	}
	if err := result.Scan(cells...); err != nil {
		return nil, err
	}
	values := make(map[string]string, len(columns))
	for i, c := range columns {
		switch v := (*cells[i].(*any)).(type) {
		case nil:
			values[c] = "NULL"
		case []byte:
			values[c] = string(v)
		case time.Time:
			values[c] = v.UTC().Format(time.RFC3339Nano)
		default:
			values[c] = fmt.Sprint(v)
		}
	}
	return values, nil
}

func key(t *schema.Table, values map[string]string) string {
	parts := []string{t.Name}
	for _, c := range t.PrimaryKey {
		parts = append(parts, values[c.Name])
	}
	return strings.Join(parts, "/")
}

func (r row) tenant() string { return r.values[tenantColumn] }

// of reports whether the row is the tenant's, and where its rows have to be.
func (r row) of(tenant, place string) bool { return r.tenant() == tenant && r.place == place }

func (r rows) equal(other rows) bool {
	return maps.EqualFunc(r, other, func(x, y row) bool { return maps.Equal(x.values, y.values) })
}

// compare says what an attack of tenant a, who lives in the place, has done to
// rows that are not a's, and which links it made between tenants.
func compare(before, after rows, a, place string, touches []string) []string {
	var leaks []string
	for _, k := range slices.Sorted(maps.Keys(before)) {
		was := before[k]
		if was.of(a, place) || slices.Contains(touches, was.table) {
			continue
		}
		now, ok := after[k]
		switch {
		case !ok:
			leaks = append(leaks, fmt.Sprintf("row %s is gone: %v", k, was.values))
		case !maps.Equal(was.values, now.values):
			leaks = append(leaks, fmt.Sprintf("row %s was %v and is %v", k, was.values, now.values))
		}
	}
	for _, k := range slices.Sorted(maps.Keys(after)) {
		now := after[k]
		if was, ok := before[k]; ok && (!was.of(a, place) || now.of(a, place)) {
			continue
		}
		if !now.of(a, place) && !slices.Contains(touches, now.table) {
			leaks = append(leaks, fmt.Sprintf("row %s has appeared: %v", k, now.values))
		}
	}
	old := before.crossLinks()
	for _, link := range slices.Sorted(maps.Keys(after.crossLinks())) {
		if table, _, _ := strings.Cut(link, "/"); !old[link] && !slices.Contains(touches, table) {
			leaks = append(leaks, "new link between tenants: "+link)
		}
	}
	return leaks
}

// crossLinks returns the foreign keys that refer to rows of other tenants. A
// join row's tenant has to be that of both its ends.
func (r rows) crossLinks() map[string]bool {
	links := make(map[string]bool)
	for _, t := range migrate.Tables {
		for _, fk := range t.ForeignKeys {
			r.linksOver(t, fk, links)
		}
	}
	return links
}

func (r rows) linksOver(t *schema.Table, fk *schema.ForeignKey, links map[string]bool) {
	for k, from := range r {
		if from.table != t.Name {
			continue
		}
		column := fk.Columns[0].Name
		to, ok := r.target(from.place, fk.RefTable.Name+"/"+from.values[column])
		if ok && to.tenant() != "" && from.tenant() != "" && to.tenant() != from.tenant() {
			links[fmt.Sprintf("%s.%s -> %s/%s", k, column, fk.RefTable.Name, from.values[column])] = true
		}
	}
}

// target returns the row that a foreign key in a place refers to, there or
// wherever there is one.
func (r rows) target(place, key string) (row, bool) {
	for _, p := range []string{place, "", placeOfA, placeOfB} {
		if to, ok := r[p+key]; ok {
			return to, true
		}
	}
	return row{}, false
}

// build empties all places and puts the world in.
func (db *Database) build(ctx context.Context, w *World) error {
	for _, p := range db.places() {
		if err := db.fill(ctx, p, w); err != nil {
			return err
		}
	}
	return nil
}

// fill empties one place and puts in what of the world belongs there.
func (db *Database) fill(ctx context.Context, p place, w *World) error {
	tx, err := p.admin.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	run := func(query string, args []any) error {
		if _, err := tx.ExecContext(ctx, query, args...); err != nil {
			return fmt.Errorf("%w: %s", err, query)
		}
		return nil
	}
	for _, s := range p.wipe(db.Dialect) {
		if err := run(s, nil); err != nil {
			return err
		}
	}
	d := entsql.Dialect(db.Dialect)
	for _, b := range w.batches() {
		if !p.has(b.table) {
			continue
		}
		insert, rows := d.Insert(b.table).Columns(b.columns...), 0
		for _, values := range b.values {
			if db.placeOf(w, b.tenantOf(values)) == p.name {
				insert.Values(values...)
				rows++
			}
		}
		if rows == 0 {
			continue
		}
		if err := run(insert.Query()); err != nil {
			return err
		}
	}
	for _, l := range w.lateLinks() {
		if !p.has(l.table) {
			continue
		}
		if err := run(d.Update(l.table).Set(l.column, l.to).Where(entsql.EQ("id", l.id)).Query()); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// wipe returns the statements that empty all tables of the place.
func (p place) wipe(d string) []string {
	b := entsql.Dialect(d)
	var statements []string
	add := func(table, query string) {
		if p.has(table) {
			statements = append(statements, query)
		}
	}
	text := func(query string, _ []any) string { return query }
	add("accounts", text(b.Update("accounts").SetNull("account_favorite").Query()))
	add("users", text(b.Update("users").SetNull("user_spouse").SetNull("user_reports").Query()))
	for _, t := range []string{
		"order_labels", "user_groups", "user_friends", "user_following", "user_accounts", "user_watched_devices", "memberships", "visits",
		"grants", "account_countries",
		"badges", "devices", "items", "memos", "orders", "profiles", "accounts", "users", "groups", "teams", "clubs", "countries", "labels",
	} {
		add(t, text(b.Delete(t).Query()))
	}
	if d == dialect.Postgres {
		return []string{strings.Join(statements, "; ")}
	}
	return statements
}
