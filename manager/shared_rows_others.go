package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"

	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// spareOthers fails where the database would delete or change a row of another
// tenant with one of this tenant's: a key of before, or raw SQL, has linked them, or
// they have rows on a global one that goes with this tenant's. Row-level security lets
// a System scope see them. Where there is no role for one, it is left to the keys and
// the trigger that postgres.Verify has looked for.
func (r *sharedRows) spareOthers(ctx context.Context) error {
	ctx = tenancy.System(ctx, "erasing a tenant: looking for rows of others that hang on its own")
	for _, path := range r.paths() {
		n, err := r.othersBy(ctx, path)
		if errors.Is(err, postgres.ErrSystem) {
			return nil
		}
		if err != nil {
			return err
		}
		if n > 0 {
			return r.refuse(n, path)
		}
	}
	return nil
}

// refuse says what keeps the tenant's rows from being deleted.
func (r *sharedRows) refuse(n int64, path schema.Path) error {
	last := path.Hops[len(path.Hops)-1]
	to := fmt.Sprintf("rows of %s in %s", r.tenant, path.Table)
	if len(path.Hops) > 1 {
		to = fmt.Sprintf("global rows in %s that are deleted with %s", path.Hops[len(path.Hops)-2].Table, to)
	}
	return fmt.Errorf("manager: %w: %d rows of other tenants in %s refer to %s by %s, whose key %s would change them too: detach them first",
		tenancy.ErrCrossTenant, n, last.Table, to, last.Column, last.Symbol)
}

// paths are those by which a deletion reaches rows of other tenants: each key between
// two tables of tenants that does not hold the tenant, and what leads over global rows.
func (r *sharedRows) paths() []schema.Path {
	var all []schema.Path
	for _, table := range r.Metadata.Tables {
		for _, key := range table.ForeignKeys {
			if !key.HoldsTenant && (key.OnDelete == "CASCADE" || key.OnDelete == "SET NULL" || key.OnDelete == "SET DEFAULT") {
				hop := schema.Hop{Symbol: key.Symbol, Table: table.Name, Column: key.Column, RefColumn: key.RefColumn}
				all = append(all, schema.Path{Table: key.RefTable, Hops: []schema.Hop{hop}})
			}
		}
	}
	return append(all, r.Metadata.GlobalPaths...)
}

// othersBy counts the rows of other tenants at the end of a path from this tenant's.
func (r *sharedRows) othersBy(ctx context.Context, path schema.Path) (int64, error) {
	last := path.Hops[len(path.Hops)-1]
	from, to := r.table(path.Table), r.table(last.Table)
	if from == nil || to == nil {
		return 0, nil // there are no rows of tenants
	}
	d := entsql.Dialect(r.Driver.Dialect())
	rows := d.Select(path.Hops[0].RefColumn).From(entsql.Table(from.Name)).Where(r.mine(*from))
	for i, hop := range path.Hops[:len(path.Hops)-1] {
		rows = d.Select(path.Hops[i+1].RefColumn).From(entsql.Table(hop.Table)).Where(entsql.In(hop.Column, rows))
	}
	query, args := d.Select(entsql.Count("*")).From(entsql.Table(to.Name)).Where(entsql.And(entsql.Not(r.mine(*to)), entsql.In(last.Column, rows))).Query()
	return r.number(ctx, r.Driver, query, args, *to)
}

// table returns a table of tenants, nil where the name is that of none.
func (r *sharedRows) table(name string) *schema.Table {
	at := slices.IndexFunc(r.Metadata.Tables, func(t schema.Table) bool { return t.Name == name })
	if at < 0 {
		return nil
	}
	return &r.Metadata.Tables[at]
}
