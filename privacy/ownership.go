package privacy

import (
	"context"
	"database/sql/driver"
	"fmt"
	"reflect"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/replica"
)

// querier runs the checks of one operation: a driver, or the transaction that
// the operation opened.
type querier struct {
	dialect.ExecQuerier
	dialect string
	schemas Schemas
}

// owners collects the rows that an operation links to, for each table and
// tenant that they have to belong to, so that any number of links to a table
// is checked with one query.
type owners struct {
	keys []ownerKey
	ids  map[ownerKey][]any
}

type ownerKey struct {
	target Target
	tenant tenancy.ID
}

func (o *owners) add(tenant tenancy.ID, refs []ref) {
	for _, r := range refs {
		key := ownerKey{r.target, tenant}
		if o.ids == nil {
			o.ids = make(map[ownerKey][]any)
		}
		if _, ok := o.ids[key]; !ok {
			o.keys = append(o.keys, key)
		}
		o.ids[key] = append(o.ids[key], r.ids...)
	}
}

// check refuses ids that are not rows of the tenant they have to belong to.
// Rows of others and rows that do not exist are not told apart.
//
// The rows are looked at before they are written to. That is enough where ids are not
// used twice, because a row's tenant never changes. Where they are, see docs/isolation.md.
func (o *owners) check(ctx context.Context, q querier) error {
	for _, key := range o.keys {
		ids := distinct(o.ids[key])
		tenant, err := key.target.Tenant.Value(key.tenant)
		if err != nil {
			return err
		}
		n, err := q.owned(ctx, key.target, ids, tenant)
		if err != nil {
			return err
		}
		if n != len(ids) {
			return denied(fmt.Errorf("%w: %d of %d linked rows of table %q are not the tenant's", tenancy.ErrCrossTenant, len(ids)-n, len(ids), key.target.Table))
		}
	}
	return nil
}

// owned returns how many of the rows are the tenant's.
func (q querier) owned(ctx context.Context, t Target, ids []any, tenant any) (int, error) {
	var b sql.Builder
	b.SetDialect(q.dialect)
	b.WriteString("SELECT COUNT(*) FROM ")
	writeTable(&b, q.schemas.of(t.Table), t.Table).WriteString(" WHERE ").Ident(t.ID).WriteString(" IN (").Args(ids...)
	b.WriteString(") AND ").Ident(t.Tenant.Name).WriteString(" = ").Arg(tenant)
	query, args := b.Query()
	return q.count(ctx, query, args)
}

// tenantOf returns the one tenant that all the rows belong to. It is how a
// System scope, which names no tenant, is kept from linking rows of several.
func (q querier) tenantOf(ctx context.Context, refs []ref) (tenancy.ID, error) {
	var found tenancy.ID
	for _, r := range refs {
		t := q.table(r.target.Table)
		s := q.selector(t, t.C(r.target.Tenant.Name)).Distinct().Where(sql.In(t.C(r.target.ID), r.ids...)).Limit(2)
		var ids []string
		query, args := s.Query()
		if err := q.scan(ctx, query, args, &ids); err != nil {
			return "", err
		}
		for _, id := range ids {
			if found != "" && tenancy.ID(id) != found {
				return "", denied(fmt.Errorf("%w: rows of several tenants are linked to each other", tenancy.ErrCrossTenant))
			}
			found = tenancy.ID(id)
		}
	}
	return found, nil
}

func (q querier) table(name string) *sql.SelectTable {
	return sql.Dialect(q.dialect).Table(name).Schema(q.schemas.of(name))
}

func (q querier) selector(t *sql.SelectTable, columns ...string) *sql.Selector {
	return sql.Dialect(q.dialect).Select(columns...).From(t)
}

func (q querier) count(ctx context.Context, query string, args []any) (int, error) {
	var n []int
	if err := q.scan(ctx, query, args, &n); err != nil || len(n) != 1 {
		return 0, err
	}
	return n[0], nil
}

// scan asks the primary: a replica may not have the row yet that is linked to.
func (q querier) scan(ctx context.Context, query string, args []any, v any) error {
	rows := &sql.Rows{}
	if err := q.Query(replica.Forbid(ctx), query, args, rows); err != nil {
		return fmt.Errorf("tenancy: checking the tenant of linked rows: %w", err)
	}
	defer func() { _ = rows.Close() }() // ScanSlice reports what went wrong
	return sql.ScanSlice(rows, v)
}

// stored is what the database is given for an id, which can be a pointer.
func stored(id any) any {
	v := reflect.ValueOf(id)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return id
	}
	if valuer, ok := id.(driver.Valuer); ok {
		if value, err := valuer.Value(); err == nil && value != nil {
			return value
		}
	}
	return v.Elem().Interface()
}

// distinct returns ids without repetitions, in a slice of its own.
func distinct(ids []any) []any {
	if len(ids) < 2 {
		return ids
	}
	seen := make(map[any]struct{}, len(ids))
	out := make([]any, 0, len(ids))
	for _, id := range ids {
		key := stored(id)
		if b, ok := key.([]byte); ok {
			key = string(b)
		} else if !reflect.TypeOf(key).Comparable() {
			key = fmt.Sprint(key)
		}
		if _, ok := seen[key]; !ok {
			seen[key] = struct{}{}
			out = append(out, id)
		}
	}
	return out
}
