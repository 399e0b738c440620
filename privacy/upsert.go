package privacy

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// holdUpsert makes an upsert that meets the row of another tenant fail, and
// lets it change neither a row's tenant nor, unchecked, its links.
//
// It fails before anything else is made of that row, since another error would tell
// what is in it: on PostgreSQL and SQLite in the condition of DO UPDATE, which comes
// before all assignments, and on MySQL, which knows no conditions, in the first one.
func (g *guard) holdUpsert(e *Entity, opts []sql.ConflictOption) []sql.ConflictOption {
	if len(opts) == 0 {
		return nil
	}
	if g.Dialect() == dialect.MySQL && doesNothing(opts) {
		// ent turns DoNothing into an UPDATE on MySQL after the options have
		// run, and would overrule them.
		opts = []sql.ConflictOption{sql.ResolveWithIgnore()}
	}
	held := slices.Clone(opts)
	if !e.global() {
		// What is set first is written first, and keeps its place when it is set again.
		first := sql.ResolveWith(func(set *sql.UpdateSet) { setTenant(e, set) })
		held = slices.Concat([]sql.ConflictOption{first}, opts)
		if g.Dialect() != dialect.MySQL {
			var fails sql.ConflictOption
			fails, g.failed = failsForOthers(g.Dialect(), e, opts)
			held = append(held, fails)
		}
	}
	return append(held, sql.ResolveWith(func(set *sql.UpdateSet) {
		g.failed = cmp.Or(g.failed, keepLinks(e, set), keepTenant(e, set))
	}))
}

// failsForOthers makes the condition of DO UPDATE one of the tenant's own rows: for
// the row of another it is an error in the database, so that the whole statement is
// undone: two rows where one is allowed or, on SQLite, which takes the first of them,
// the absolute value of the one integer that has none.
func failsForOthers(d string, e *Entity, opts []sql.ConflictOption) (sql.ConflictOption, error) {
	where, err := updateWhere(opts)
	if err != nil {
		where = sql.False()
	}
	if where != nil {
		// ent qualifies the columns of the condition itself, and not of one within, with
		// the table's name. It does so when it writes a statement, and the mark stays.
		sql.Dialect(d).Insert(e.Table).Columns(e.Tenant.Name).Values(0).OnConflict(opts...).Query()
	}
	return sql.UpdateWhere(sql.P(func(b *sql.Builder) {
		own, offered := sql.Dialect(d).Table(e.Table).C(e.Tenant.Name), sql.Dialect(d).Table("excluded").C(e.Tenant.Name)
		fail := twoRows(own)
		if d == dialect.SQLite { // with the columns in it, for a constant would fail for every row
			fail = "ABS(-9223372036854775807 - (" + own + " IS NOT " + offered + "))"
		}
		b.WriteString("CASE WHEN " + own + " = " + offered + " THEN (")
		if where != nil {
			b.Join(where)
		} else {
			b.WriteString("1 = 1")
		}
		b.WriteString(") ELSE " + fail + " IS NULL END")
	})), err
}

// twoRows is a value that cannot be had.
func twoRows(column string) string { return "(SELECT " + column + " UNION ALL SELECT " + column + ")" }

// updateWhere returns the condition of DO UPDATE, nil if there is none. ent's
// options set it in a type that is not exported.
func updateWhere(opts []sql.ConflictOption) (*sql.Predicate, error) {
	conflict := reflect.New(reflect.TypeFor[sql.ConflictOption]().In(0).Elem())
	for _, opt := range opts {
		reflect.ValueOf(opt).Call([]reflect.Value{conflict})
	}
	if action := conflict.Elem().FieldByName("action"); action.Kind() == reflect.Struct {
		if where := action.FieldByName("where"); where.IsValid() && where.Type() == reflect.TypeFor[*sql.Predicate]() {
			return (*sql.Predicate)(where.UnsafePointer()), nil
		}
	}
	return nil, fmt.Errorf("%w: this version of ent keeps the conditions of upserts elsewhere", tenancy.ErrNotInstalled)
}

// keepTenant sets the tenant column to what it is, once, and on MySQL first.
func keepTenant(e *Entity, set *sql.UpdateSet) error {
	if e.global() {
		return nil
	}
	setTenant(e, set)
	all := assignmentsOf(set.UpdateBuilder)
	if set.Dialect() == dialect.MySQL && all.columns[0] != e.Tenant.Name {
		return denied(fmt.Errorf("%w: the SET clause of an upsert of a %s is not the one that was to be added to", tenancy.ErrCrossTenant, e.Name))
	}
	return all.onlyOnce(e)
}

// setTenant sets the tenant column to its own. On MySQL it is an error in the
// database where the row met is not of the tenant that was inserted.
func setTenant(e *Entity, set *sql.UpdateSet) {
	set.Set(e.Tenant.Name, sql.ExprFunc(func(b *sql.Builder) {
		own := sql.Dialect(b.Dialect()).Table(e.Table).C(e.Tenant.Name)
		if b.Dialect() != dialect.MySQL {
			b.WriteString(own)
			return
		}
		b.WriteString("IF(" + own + " = VALUES(").Ident(e.Tenant.Name)
		b.WriteString("), " + own + ", " + twoRows(own) + ")")
	}))
}

// keepLinks refuses an upsert that sets a foreign key to anything but NULL, the
// value that is there, or the value that was offered for insertion, which has
// been checked.
func keepLinks(e *Entity, set *sql.UpdateSet) error {
	for _, key := range e.Keys {
		n, err := assignmentsOf(set.UpdateBuilder).count(key)
		if err != nil {
			return err
		}
		if n > 1 || n == 1 && !harmless(set, key) {
			return errUncheckedLink(e, key, "set it on the create and use UpdateNewValues or the field's Update method")
		}
	}
	return nil
}

// harmless reports whether the column is set to one of the two values that it
// may have: setting it to that again changes nothing of the statement.
func harmless(set *sql.UpdateSet, column string) bool {
	before, args := set.Query()
	for _, assign := range []func(string) *sql.UpdateSet{set.SetExcluded, set.SetIgnore} {
		assign(column)
		if after, now := set.Query(); after == before && len(now) == len(args) {
			return true
		}
	}
	return false // and the statement is not run
}

// doesNothing reports whether the options say DO NOTHING.
func doesNothing(opts []sql.ConflictOption) bool {
	query, _ := sql.Dialect(dialect.SQLite).Insert("t").Columns("c").Values(0).OnConflict(slices.Concat(opts, []sql.ConflictOption{sql.ResolveWithIgnore()})...).Query()
	return strings.HasSuffix(query, " DO NOTHING")
}
