package privacy

import (
	"cmp"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
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
	return append(slices.Clip(opts), sql.ResolveWith(func(set *sql.UpdateSet) {
		g.failed = cmp.Or(keepLinks(e, set), keepTenant(e, set))
	}))
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
// error in the database, so that the whole statement is undone: NULL for a
// column that takes none, or two rows where one is allowed on MySQL, which in
// some modes makes an empty string of NULL.
func sameTenantOrFail(e *Entity) sql.Querier {
	return sql.ExprFunc(func(b *sql.Builder) {
		own := sql.Dialect(b.Dialect()).Table(e.Table).C(e.Tenant.Name)
		if b.Dialect() == dialect.MySQL {
			b.WriteString("IF(" + own + " = VALUES(").Ident(e.Tenant.Name)
			b.WriteString("), " + own + ", (SELECT " + own + " UNION ALL SELECT " + own + "))")
			return
		}
		offered := sql.Dialect(b.Dialect()).Table("excluded").C(e.Tenant.Name)
		b.WriteString("CASE WHEN " + own + " = " + offered + " THEN " + own + " END")
	})
}

// keepLinks refuses an upsert that sets a foreign key to anything but NULL, the
// value that is there, or the value that was offered for insertion, which has
// been checked.
func keepLinks(e *Entity, set *sql.UpdateSet) error {
	for _, edge := range e.links() {
		n, err := assignmentsOf(set.UpdateBuilder).count(edge.Column)
		if err != nil {
			return err
		}
		if n > 1 || n == 1 && !harmless(set, edge.Column) {
			return errUncheckedLink(e, edge, "set it on the create and use UpdateNewValues or the field's Update method")
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
