package privacy

import (
	"context"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/elsewhere"
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
	dependents := o.reachable(ctx, g.Driver)
	return func(s *sql.Selector) { g.failed = o.restrictDelete(ctx, s, dependents) }, g, nil
}

// reachable returns the entity's dependents without those that only a path over tables
// in another database leads to: the global ones, where the tenant has its own.
func (o operation) reachable(ctx context.Context, drv dialect.Driver) []Dependent {
	all, schema := o.entity.Dependents, o.schemas.of(o.entity.Table)
	if o.entity.global() || !slices.ContainsFunc(all, func(d Dependent) bool {
		return d.passes(o.schemas, func(other string) bool { return other != schema })
	}) {
		return all
	}
	away := elsewhere.Ask(ctx, drv)
	if away == "" {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(d Dependent) bool {
		return d.passes(o.schemas, func(other string) bool { return other == away })
	})
}

// passes reports whether the path leads over a table whose schema is such a one.
func (d Dependent) passes(schemas Schemas, such func(schema string) bool) bool {
	return slices.ContainsFunc(d.Path, func(h Hop) bool { return such(schemas.of(h.Table)) })
}

func (o operation) restrictDelete(ctx context.Context, s *sql.Selector, dependents []Dependent) error {
	if tableName(s) != o.entity.Table {
		err := errOtherTable("a predicate")
		deny(s, err)
		return err
	}
	s.Table().As("") // ent writes none, and it could be that of a table below
	switch {
	case !o.entity.global():
		restrict(ctx, s, o.entity.Tenant)
	case s.Err() != nil:
		closeWith(s, sql.False())
	}
	if s.Err() != nil || o.scope == nil || o.system() {
		return s.Err()
	}
	for _, d := range dependents {
		id, err := d.Tenant.arg(o.scope)
		if err != nil {
			deny(s, err)
			return err
		}
		untouchedByOthers(s, o.entity.Table, o.schemas, d, id)
	}
	return nil
}
