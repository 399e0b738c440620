package privacy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/tableplaces"
)

// Delete returns the last predicate of a DELETE, which restricts it to the
// context's tenant's rows, and the driver to run it with, which reports what
// went wrong in the user's predicates. A row that a row of another tenant, or a
// read-only global one, hangs on by a cascading foreign key is not deleted.
func Delete(ctx context.Context, drv dialect.Driver, e *Entity, schemas Schemas) (func(*sql.Selector), dialect.Driver, error) {
	o, err := begin(ctx, e, schemas)
	if err != nil {
		return nil, nil, err
	}
	if len(e.Dependents) > 0 {
		if err := o.requireScope(); err != nil {
			return nil, nil, err
		}
	}
	if !e.global() && !o.system() {
		if _, err := e.Tenant.arg(o.scope); err != nil {
			return nil, nil, err
		}
	}
	g := &guard{Driver: unwrap(drv)}
	if o, err = o.reaching(ctx, g.Driver); err != nil {
		return nil, nil, err
	}
	return func(s *sql.Selector) { g.locks, g.failed = o.restrictDelete(ctx, s) }, g, nil
}

// reaching returns the operation with the dependents that it can reach, where those tables
// are that foreign keys of the rows to delete lead from. They are the home's for global
// rows, whoever deletes them, and the tenant's for its own, which no key of a global row
// leads to where the tenant has a schema or a database of its own. One with a database
// cannot lock global rows, and has the conditions refused for spanning two databases.
func (o operation) reaching(ctx context.Context, drv dialect.Driver) (operation, error) {
	own := o.schemas.of(o.entity.Table)
	away := o.entity.tables(func(table string) bool { return o.schemas.of(table) != own })
	if len(away) == 0 || o.system() {
		return o, nil
	}
	if !o.entity.global() {
		q, _ := tableplaces.Ask(ctx, drv, "", nil) // where nobody knows, all is asked for
		if q.Apart || q.Globals != "" {
			o.entity = o.entity.without(func(table string) bool { return slices.Contains(away, table) })
		}
		return o, nil
	}
	q, err := tableplaces.Ask(ctx, drv, o.entity.Table, away)
	switch {
	case err != nil && tableplaces.Named(own):
		return o, fmt.Errorf("privacy: which tables hang on %s: %w", o.entity.Table, err)
	case err != nil || !q.Apart:
		return o, nil //nolint:nilerr // ent's own driver knows of no other place
	}
	o.entity = o.entity.without(func(table string) bool { return slices.Contains(away, table) && q.Home[table] == "" })
	o.schemas = func(table string) string { return cmp.Or(q.Home[table], own) }
	return o, nil
}

// tables returns such tables of the paths to the dependents.
func (e *Entity) tables(such func(table string) bool) []string {
	var all []string
	for _, d := range e.Dependents {
		for _, h := range d.Path {
			if such(h.Table) && !slices.Contains(all, h.Table) {
				all = append(all, h.Table)
			}
		}
	}
	return all
}

// without returns the entity without the dependents whose paths lead over such tables.
func (e *Entity) without(such func(table string) bool) *Entity {
	less := *e
	less.Dependents = slices.DeleteFunc(slices.Clone(e.Dependents), func(d Dependent) bool {
		return slices.ContainsFunc(d.Path, func(h Hop) bool { return such(h.Table) })
	})
	return &less
}

// restrictDelete adds the conditions to the predicate of a DELETE, and returns what has to
// be locked before it.
func (o operation) restrictDelete(ctx context.Context, s *sql.Selector) (*rowLocks, error) {
	if tableName(s) != o.entity.Table {
		err := errOtherTable("a predicate")
		deny(s, err)
		return nil, err
	}
	s.Table().As("") // ent writes none, and it could be that of a table below
	switch {
	case !o.entity.global():
		restrict(ctx, s, o.entity.Tenant)
	case s.Err() != nil:
		closeWith(s, sql.False())
	}
	if s.Err() != nil || o.scope == nil || o.system() {
		return nil, s.Err()
	}
	locks, keys := o.locks(ctx, s), o.keysOf(ctx, s)
	for _, d := range o.entity.Dependents {
		id, err := d.Tenant.arg(o.scope)
		if err != nil {
			deny(s, err)
			return nil, err
		}
		untouchedByOthers(s, keys, o.entity.Table, o.schemas, d, id)
	}
	return locks, nil
}
