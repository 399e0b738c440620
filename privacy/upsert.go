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
func (g *guard) holdUpsert(e *Entity, opts []sql.ConflictOption) []sql.ConflictOption {
	if len(opts) == 0 {
		return nil
	}
	if g.Dialect() == dialect.MySQL && doesNothing(opts) {
		// ent turns DoNothing into an UPDATE on MySQL after the options have
		// run, and would overrule them.
		opts = []sql.ConflictOption{sql.ResolveWithIgnore()}
	}
	var blind []sql.ConflictOption
	if !e.global() && g.Dialect() != dialect.MySQL { // which knows no conditions
		blind, g.failed = blindToOthers(g.Dialect(), e, opts)
	}
	return append(slices.Concat(opts, blind), sql.ResolveWith(func(set *sql.UpdateSet) {
		g.failed = cmp.Or(g.failed, keepLinks(e, set), keepTenant(e, set))
	}))
}

// blindToOthers makes the condition of DO UPDATE one of the tenant's own rows: for
// the row of another it holds without being asked, so that keepTenant's error comes
// whatever is in that row. Otherwise who fails and who does nothing would tell.
func blindToOthers(d string, e *Entity, opts []sql.ConflictOption) ([]sql.ConflictOption, error) {
	where, err := updateWhere(opts)
	if err != nil || where == nil {
		return nil, err
	}
	// ent qualifies the columns of the condition itself, and not of one within, with
	// the table's name. It does so when it writes a statement, and the mark stays.
	sql.Dialect(d).Insert(e.Table).Columns(e.Tenant.Name).Values(0).OnConflict(opts...).Query()
	return []sql.ConflictOption{sql.UpdateWhere(sql.P(func(b *sql.Builder) {
		own, offered := tenantsOfUpsert(b, e)
		b.WriteString("CASE WHEN " + own + " <> " + offered + " THEN 1 = 1 ELSE (").Join(where)
		b.WriteString(") END")
	}))}, nil
}

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

// tenantsOfUpsert names the tenant columns of the row that was met and of the row
// that was offered.
func tenantsOfUpsert(b *sql.Builder, e *Entity) (own, offered string) {
	d := sql.Dialect(b.Dialect())
	return d.Table(e.Table).C(e.Tenant.Name), d.Table("excluded").C(e.Tenant.Name)
}

// keepTenant sets the tenant column to what it is, once.
func keepTenant(e *Entity, set *sql.UpdateSet) error {
	if e.global() {
		return nil
	}
	set.Set(e.Tenant.Name, sameTenantOrFail(e))
	return assignmentsOf(set.UpdateBuilder).onlyOnce(e)
}

// sameTenantOrFail is the value of the tenant column in DO UPDATE: its own,
// where the row met is of the tenant that was inserted. Elsewhere it is an
// error in the database, so that the whole statement is undone: two rows where
// one is allowed or, on SQLite, which takes the first of them, the absolute value
// of the one integer that has none.
func sameTenantOrFail(e *Entity) sql.Querier {
	return sql.ExprFunc(func(b *sql.Builder) {
		own, offered := tenantsOfUpsert(b, e)
		fail := "(SELECT " + own + " UNION ALL SELECT " + own + ")"
		switch b.Dialect() {
		case dialect.MySQL:
			b.WriteString("IF(" + own + " = VALUES(").Ident(e.Tenant.Name)
			b.WriteString("), " + own + ", " + fail + ")")
			return
		case dialect.SQLite: // with the columns in it, for a constant would fail for every row
			fail = "ABS(-9223372036854775807 - (" + own + " IS NOT " + offered + "))"
		}
		b.WriteString("CASE WHEN " + own + " = " + offered + " THEN " + own + " ELSE " + fail + " END")
	})
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
