package registry

import (
	"context"
	"errors"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/quota"
)

// QuotaStore is a [quota.Store] in the registry's database. Get one from
// [EntStore.Quotas]. It is safe for concurrent use.
type QuotaStore struct{ driver dialect.Driver }

var _ quota.Store = (*QuotaStore)(nil)

// Quotas returns the counters of package quota, in a table that Init makes. A
// counter is changed by one statement, which looks at the limit too. It is no
// part of a transaction of the caller's: rolling one back gives nothing back.
// Errors are [tenancy.ErrUnavailable], or the context's. Contexts need no tenant.
func (s *EntStore) Quotas() *QuotaStore { return &QuotaStore{s.driver} }

// The table of the counters, and its columns.
const (
	quotaTable  = "tenancy_quotas"
	quotaTenant = "tenant_id"
	quotaName   = "quota"
	quotaPeriod = "period"
	quotaUsed   = "used"
)

// Consume implements [quota.Store].
func (q *QuotaStore) Consume(ctx context.Context, c quota.Counter, n, limit int64) (used int64, ok bool, err error) {
	for err == nil {
		if ok, err = q.add(ctx, c, n, limit); ok || err != nil {
			break
		}
		var found bool
		if used, found, err = q.read(ctx, c); err != nil || used > limit-n {
			break
		}
		if !found {
			err = q.make(ctx, c)
		}
		// There is room now: the row was missing, or somebody has given something back.
	}
	if err != nil {
		return 0, false, failed(ctx, "consuming a quota", err)
	}
	return used, ok, nil
}

// Release implements [quota.Store].
func (q *QuotaStore) Release(ctx context.Context, c quota.Counter, n int64) error {
	less := entsql.ExprFunc(func(b *entsql.Builder) {
		b.WriteString("CASE WHEN ").Ident(quotaUsed).WriteOp(entsql.OpGT).Arg(n).
			WriteString(" THEN ").Ident(quotaUsed).WriteString(" - ").Arg(n).WriteString(" ELSE 0 END")
	})
	if _, err := q.change(ctx, q.sql().Update(quotaTable).Set(quotaUsed, less).Where(is(c))); err != nil {
		return failed(ctx, "releasing a quota", err)
	}
	return nil
}

// Used implements [quota.Store].
func (q *QuotaStore) Used(ctx context.Context, c quota.Counter) (int64, error) {
	used, _, err := q.read(ctx, c)
	if err != nil {
		return 0, failed(ctx, "reading a quota", err)
	}
	return used, nil
}

// ForgetBefore implements [quota.Store]. All databases compare the column byte by byte.
func (q *QuotaStore) ForgetBefore(ctx context.Context, c quota.Counter) error {
	old := entsql.And(entsql.EQ(quotaTenant, string(c.TenantID)), entsql.EQ(quotaName, c.Quota),
		entsql.GT(quotaPeriod, ""), entsql.LT(quotaPeriod, c.Period))
	if _, err := q.change(ctx, q.sql().Delete(quotaTable).Where(old)); err != nil {
		return failed(ctx, "forgetting periods of a quota", err)
	}
	return nil
}

// Forget implements [quota.Store].
func (q *QuotaStore) Forget(ctx context.Context, id tenancy.ID) error {
	if _, err := q.change(ctx, q.sql().Delete(quotaTable).Where(entsql.EQ(quotaTenant, string(id)))); err != nil {
		return failed(ctx, "forgetting quotas", err)
	}
	return nil
}

// add adds n to the counter, if it is there and has room.
func (q *QuotaStore) add(ctx context.Context, c quota.Counter, n, limit int64) (bool, error) {
	update := q.sql().Update(quotaTable).Add(quotaUsed, n).Where(entsql.And(is(c), entsql.LTE(quotaUsed, limit-n)))
	changed, err := q.change(ctx, update)
	return changed > 0, err
}

// make makes the counter, unless it is there.
func (q *QuotaStore) make(ctx context.Context, c quota.Counter) error {
	_, err := q.change(ctx, q.sql().Insert(quotaTable).
		Columns(quotaTenant, quotaName, quotaPeriod, quotaUsed).
		Values(string(c.TenantID), c.Quota, c.Period, 0).
		OnConflict(entsql.ConflictColumns(quotaTenant, quotaName, quotaPeriod), entsql.DoNothing()))
	return err
}

// read returns the counter, and whether it is there.
func (q *QuotaStore) read(ctx context.Context, c quota.Counter) (used int64, found bool, err error) {
	query, args := q.sql().Select(quotaUsed).From(entsql.Table(quotaTable)).Where(is(c)).Query()
	rows := &entsql.Rows{}
	if err := q.driver.Query(ctx, query, args, rows); err != nil {
		return 0, false, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return 0, false, rows.Err()
	}
	err = rows.Scan(&used)
	return used, true, err
}

// change executes a statement and returns how many rows it has changed.
func (q *QuotaStore) change(ctx context.Context, statement entsql.Querier) (changed int64, err error) {
	query, args := statement.Query()
	var result entsql.Result
	if err := retry(ctx, func() error { return q.driver.Exec(ctx, query, args, &result) }); err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func (q *QuotaStore) sql() *entsql.DialectBuilder { return entsql.Dialect(q.driver.Dialect()) }

// is is the condition that a row is the counter.
func is(c quota.Counter) *entsql.Predicate {
	return entsql.And(entsql.EQ(quotaTenant, string(c.TenantID)), entsql.EQ(quotaName, c.Quota), entsql.EQ(quotaPeriod, c.Period))
}
