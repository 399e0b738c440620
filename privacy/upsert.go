package privacy

import (
	"fmt"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// upsert holds the ON CONFLICT clause of one INSERT. What is wrong with the
// clause comes out while ent writes the statement, where it cannot be returned.
type upsert struct {
	options []sql.ConflictOption
	err     error
}

// holdUpsert makes an upsert that meets the row of another tenant fail, and
// lets it change neither a row's tenant nor, unchecked, its links.
func holdUpsert(e *Entity, dialectName string, opts []sql.ConflictOption) *upsert {
	u := &upsert{options: opts}
	if len(opts) == 0 || e.global() {
		return u
	}
	if dialectName == dialect.MySQL && doesNothing(opts) {
		// ent turns DoNothing into an UPDATE on MySQL after the options have
		// run, and would overrule them.
		opts = []sql.ConflictOption{sql.ResolveWithIgnore()}
	}
	u.options = append(slices.Clip(opts), sql.ResolveWith(func(set *sql.UpdateSet) {
		u.err = uncheckedLink(e, set)
		set.Set(e.Tenant.Name, sameTenantOrFail(e))
	}))
	return u
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

// uncheckedLink refuses an upsert that sets a foreign key to anything but the
// value that was offered for insertion, which has been checked.
func uncheckedLink(e *Entity, set *sql.UpdateSet) error {
	columns := set.UpdateColumns()
	var statement string
	for _, edge := range e.Edges {
		if edge.Table != e.Table || edge.Target.global() || !slices.Contains(columns, edge.Column) {
			continue
		}
		if statement == "" {
			statement, _ = set.Query()
		}
		if !slices.ContainsFunc(harmless(set, e.Table, edge.Column), func(s string) bool { return strings.Contains(statement, s) }) {
			return denied(fmt.Errorf("%w: the upsert of a %s sets edge %q to a row that was not checked; set it on the create and use UpdateNewValues or the edge's Update method",
				tenancy.ErrCrossTenant, e.Name, edge.Name))
		}
	}
	return nil
}

// harmless returns the assignments to a foreign key that an upsert may make:
// the value offered, the value that is there, and NULL.
func harmless(set *sql.UpdateSet, table, column string) []string {
	var texts []string
	for _, assign := range []func(*sql.UpdateSet){
		func(u *sql.UpdateSet) { u.SetExcluded(column) },
		func(u *sql.UpdateSet) { u.SetIgnore(column) },
		func(u *sql.UpdateSet) { u.SetNull(column) },
	} {
		u := &sql.UpdateSet{UpdateBuilder: sql.Dialect(set.Dialect()).Update(table)}
		assign(u)
		query, _ := u.Query()
		_, text, _ := strings.Cut(query, " SET ")
		texts = append(texts, text)
	}
	return texts
}

// doesNothing reports whether the options say DO NOTHING.
func doesNothing(opts []sql.ConflictOption) bool {
	query, _ := sql.Dialect(dialect.SQLite).Insert("t").Columns("c").Values(0).OnConflict(slices.Concat(opts, []sql.ConflictOption{sql.ResolveWithIgnore()})...).Query()
	return strings.HasSuffix(query, " DO NOTHING")
}
