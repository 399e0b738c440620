package privacy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// Update restricts the rows that spec updates to the context's tenant's, makes
// sure that the rows it links to are, and returns the driver to do it with, which
// reports what went wrong in the user's predicates and modifiers.
func Update(ctx context.Context, drv dialect.Driver, spec *sqlgraph.UpdateSpec, e *Entity, schemas Schemas) (dialect.Driver, error) {
	o, err := begin(ctx, e, schemas)
	if err != nil {
		return nil, err
	}
	if err := o.keepTenant(spec); err != nil {
		return nil, err
	}
	l, err := o.links(spec.Edges.Add, spec.Edges.Clear)
	if err != nil {
		return nil, err
	}
	drv = unwrap(drv)
	q := querier{drv, drv.Dialect(), schemas}
	tenant, err := o.tenantOfUpdate(ctx, q, spec, l)
	if err != nil {
		return nil, err
	}
	if err := l.carry(tenant); err != nil {
		return nil, err
	}
	u := update{operation: o, spec: spec, tenant: tenant, cleared: l.cleared, user: spec.Predicate}
	if u.user != nil && u.manyWithEdges() {
		u.user = conditionsOnly(e, u.user)
	}
	mayFail := u.user != nil || len(spec.Modifiers) > 0
	if err := u.restrict(ctx, q); err != nil {
		return nil, err
	}
	u.guard.Driver, u.guard.joins = drv, joinInserts(q.dialect, l.joins)
	if mayFail || len(u.guard.joins) > 0 {
		return &u.guard, nil
	}
	return drv, nil
}

// keepTenant refuses an update that sets the tenant column. ent generates none
// for the field of mixin.Tenant.
func (o operation) keepTenant(spec *sqlgraph.UpdateSpec) error {
	if o.entity.global() {
		return nil
	}
	for _, fields := range [][]*sqlgraph.FieldSpec{spec.Fields.Set, spec.Fields.Add, spec.Fields.Clear} {
		for _, f := range fields {
			if f.Column == o.entity.Tenant.Name {
				return denied(fmt.Errorf("%w: an update sets the tenant of a %s, which never changes: leave its column alone, or create the row anew for the other tenant",
					tenancy.ErrCrossTenant, o.entity.Name))
			}
		}
	}
	return nil
}

// tenantOfUpdate checks the rows that an update links to and returns the
// tenant that the update is held to. In a System scope that is the tenant of
// the linked rows, none if there are no links.
func (o operation) tenantOfUpdate(ctx context.Context, q querier, spec *sqlgraph.UpdateSpec, l links) (tenancy.ID, error) {
	if o.scope == nil {
		return "", nil
	}
	if !o.system() {
		var linked owners
		linked.add(o.scope.TenantID(), l.refs)
		return o.scope.TenantID(), linked.check(ctx, q)
	}
	if len(l.refs)+len(l.joins) == 0 {
		return "", nil
	}
	if !o.entity.global() && one(spec) && spec.Node.ID != nil {
		self := Target{Table: o.entity.Table, ID: o.entity.ID, Tenant: o.entity.Tenant}
		l.refs = append(l.refs, ref{self, []any{spec.Node.ID.Value}})
	}
	tenant, err := q.tenantOf(ctx, l.refs)
	if err == nil && tenant == "" && len(l.joins) > 0 {
		err = fmt.Errorf("%w: linking many rows of %s at once in a System scope; update them one by one, or act for their tenant", tenancy.ErrNoTenant, o.entity.Name)
	}
	return tenant, err
}

// one reports whether spec is an UpdateOne.
func one(spec *sqlgraph.UpdateSpec) bool {
	if spec.Node.ID != nil {
		return spec.Node.ID.Value != nil
	}
	return len(spec.Node.CompositeID) == 2 && spec.Node.CompositeID[0].Value != nil
}

// update is an UPDATE that is being restricted.
type update struct {
	operation
	spec    *sqlgraph.UpdateSpec
	tenant  tenancy.ID // empty: rows of all tenants
	id      any        // tenant as the entity's column has it
	cleared []Dependent
	user    func(*sql.Selector)
	guard   guard // refuses the statement for what went wrong in the user's code
}

// manyWithEdges reports whether it updates many rows and their edges.
func (u *update) manyWithEdges() bool {
	return !one(u.spec) && len(u.spec.Edges.Add)+len(u.spec.Edges.Clear) > 0
}

// restrict replaces the predicate of the specification and seals it.
func (u *update) restrict(ctx context.Context, q querier) (err error) {
	held := u.tenant != "" && !u.entity.global()
	if held {
		if u.id, err = u.value(u.entity.Tenant, u.tenant); err != nil {
			return err
		}
	}
	if held || u.user != nil {
		u.spec.Predicate = func(s *sql.Selector) { u.apply(ctx, s) }
	}
	if u.spec.Predicate != nil && u.spec.Node.ID == nil && one(u.spec) {
		if err := u.restrictComposite(ctx, q); err != nil {
			return err
		}
	}
	switch mods := u.spec.Modifiers; {
	case len(mods) > 0:
		u.spec.Modifiers = []func(*sql.UpdateBuilder){func(b *sql.UpdateBuilder) { u.edit(b, mods) }, u.seal}
	case held || u.user != nil:
		u.spec.AddModifier(u.seal)
	}
	return nil
}

// apply is the predicate: the user's, then the tenant's.
func (u *update) apply(ctx context.Context, s *sql.Selector) {
	s.WithContext(ctx)
	if u.user != nil {
		u.fail(conditions(s, u.entity, u.user))
	}
	if u.id == nil {
		if p := s.P(); p != nil {
			s.SetP(parenthesized(p)) // ent joins it to the row's id as it is
		}
		return
	}
	belongs(s, s.Table(), u.entity.Tenant, u.id)
	if len(u.cleared) == 0 {
		return
	}
	keys := u.keysOf(ctx, s)
	if id := u.spec.Node.ID; id != nil && id.Value != nil { // ent adds this of an UpdateOne later
		keys.Where(sql.EQ(id.Column, id.Value))
	}
	for _, d := range u.cleared {
		untouchedByOthers(s, keys, u.entity.Table, u.schemas, d, u.id)
	}
}

// fail has the statement refused with the first error.
func (u *update) fail(err error) { u.guard.failed = cmp.Or(u.guard.failed, err) }

// seal is the last modifier of the statement. Where there are edges, ent may have
// looked for the rows in a statement of its own and name their ids in this one. ent
// skips an UPDATE with nothing to set, and the guard with it.
func (u *update) seal(b *sql.UpdateBuilder) {
	if u.id != nil && u.manyWithEdges() {
		b.Where(sql.EQ(u.entity.Tenant.Name, u.id))
	}
	switch {
	case !b.Empty():
	case u.guard.failed != nil:
		b.SetNull(u.entity.Table) // any column does: it is not run
	case u.id != nil && one(u.spec):
		// ent would skip the predicate, too, and go on to the row's edges. Setting
		// the tenant to what it is keeps the check.
		b.Set(u.entity.Tenant.Name, u.id)
	}
}

// edit runs the user's own modifiers and refuses what they may not do: link rows
// to others that were not checked and, outside of a System scope, write to another
// table and move rows to another tenant. They cannot reach beyond the tenant
// either, in a System scope that of the rows that are linked to.
func (u *update) edit(b *sql.UpdateBuilder, mods []func(*sql.UpdateBuilder)) {
	before := assignmentsOf(b)
	for _, m := range mods {
		m(b)
	}
	for _, key := range u.entity.Keys {
		u.fail(u.keepLink(b, key, before))
	}
	if !u.system() {
		u.keepPlace(b)
	}
	if u.id == nil { // and nothing is linked in a System scope
		return
	}
	// What is there may be text with an OR in it. Only the second of the two puts it
	// in parentheses, since the first has made a conjunction of it.
	b.Where(sql.EQ(u.entity.Tenant.Name, u.id)).Where(sql.EQ(u.entity.Tenant.Name, u.id))
}

// keepPlace refuses to write to another table, and has rows stay their tenant's.
func (u *update) keepPlace(b *sql.UpdateBuilder) {
	set := &sql.UpdateSet{UpdateBuilder: b}
	if set.Table().C("") != sql.Dialect(b.Dialect()).Table(u.spec.Node.Table).C("") {
		u.fail(errOtherTable("a modifier"))
	}
	if u.id == nil {
		return
	}
	if slices.Contains(assignmentsOf(b).columns, u.entity.Tenant.Name) {
		b.Set(u.entity.Tenant.Name, u.id)
	}
	u.fail(assignmentsOf(b).onlyOnce(u.entity))
}

// keepLink puts the checked value of a foreign key back, if there is one, and
// refuses any other.
func (u *update) keepLink(b *sql.UpdateBuilder, key string, before assignments) error {
	had, _ := before.count(key)
	n, err := assignmentsOf(b).count(key)
	switch {
	case err != nil:
		return err
	case n != had:
		return errUncheckedLink(u.entity, key, "set it with the edge's own method and not by a modifier")
	case n == 0:
		return nil
	}
	for _, spec := range u.spec.Edges.Add {
		owns := spec.Rel == sqlgraph.M2O || spec.Rel == sqlgraph.O2O && (spec.Inverse || spec.Bidi)
		if owns && spec.Columns[0] == key {
			b.Set(key, spec.Target.Nodes[0])
			return nil
		}
	}
	return errUncheckedLink(u.entity, key, "it has no checked value")
}

// restrictComposite is for UpdateOne of an edge schema with a composite id.
// ent looks for the row again by an id that it does not have when the
// predicate matched none, and panics. The row is looked for here instead, and
// the predicate goes into the statement by a modifier.
func (u *update) restrictComposite(ctx context.Context, q querier) error {
	predicate := u.spec.Predicate
	u.spec.Predicate = nil
	t := q.table(u.spec.Node.Table)
	s := q.selector(t, sql.Count("*"))
	for _, id := range u.spec.Node.CompositeID {
		s.Where(sql.EQ(t.C(id.Column), id.Value))
	}
	predicate(s)
	if u.guard.failed != nil {
		return u.guard.failed
	}
	query, args := s.Query()
	n, err := q.count(ctx, query, args)
	if err != nil {
		return err
	}
	if n == 0 {
		return &sqlgraph.NotFoundError{}
	}
	u.spec.AddModifier(func(b *sql.UpdateBuilder) {
		s := q.selector(t)
		predicate(s)
		b.FromSelect(s)
	})
	return nil
}
