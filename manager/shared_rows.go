package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/privacy"
	"github.com/entenancy/tenancy/schema"
)

// sharedRows are the rows of one tenant in the shared tables.
type sharedRows struct {
	SharedTables

	tenant tenancy.Tenant
}

// there fails with tenancy.ErrNotProvisioned where one of the tables is missing, of
// those that are known.
func (r *sharedRows) there(ctx context.Context) error {
	if len(r.Metadata.Tables) == 0 {
		return nil
	}
	var looks []string
	for _, table := range r.Metadata.Tables {
		b := entsql.Dialect(r.Driver.Dialect())
		look, _ := b.Select().SelectExpr(entsql.Expr("1")).From(b.Table(table.Name)).Where(entsql.False()).Query()
		looks = append(looks, look)
	}
	var rows entsql.Rows
	err := r.Driver.Query(actingFor(ctx, r.tenant), strings.Join(looks, " UNION ALL "), []any{}, &rows)
	if err == nil {
		rows.Next()
		err = errors.Join(rows.Err(), rows.Close())
	}
	if err != nil {
		return fmt.Errorf("manager: %w: looking for the shared tables of %s, which migrations of the home make: %w",
			tenancy.ErrNotProvisioned, r.tenant, err)
	}
	return nil
}

// settled counts the rows when nobody writes more of them any more, if nothing of other
// tenants goes with them.
func (r *sharedRows) settled(ctx context.Context, wait time.Duration) ([]ErasedRows, error) {
	if err := r.await(ctx, wait); err != nil {
		return nil, err
	}
	if err := r.spareOthers(ctx); err != nil {
		return nil, err
	}
	return r.count(ctx)
}

// count counts the rows, in the order in which they will be deleted.
func (r *sharedRows) count(ctx context.Context) ([]ErasedRows, error) {
	ctx = actingFor(ctx, r.tenant)
	var counted []ErasedRows
	for _, table := range deletionOrder(r.Metadata.Tables) {
		rows, err := r.countIn(ctx, r.Driver, table)
		if err != nil {
			return nil, err
		}
		counted = append(counted, ErasedRows{Table: table.Name, Rows: rows})
	}
	return counted, nil
}

func (r *sharedRows) countIn(ctx context.Context, on dialect.ExecQuerier, table schema.Table) (int64, error) {
	query, args := entsql.Dialect(r.Driver.Dialect()).Select(entsql.Count("*")).From(entsql.Table(table.Name)).Where(r.mine(table)).Query()
	return r.number(ctx, on, query, args, table)
}

func (r *sharedRows) number(ctx context.Context, on dialect.ExecQuerier, query string, args []any, table schema.Table) (int64, error) {
	var rows entsql.Rows
	if err := on.Query(ctx, query, args, &rows); err != nil {
		return 0, fmt.Errorf("manager: counting the rows of %s in %s: %w", r.tenant, table.Name, err)
	}
	n, err := entsql.ScanInt64(&rows)
	return n, errors.Join(err, rows.Close())
}

// erase deletes the rows in one transaction, and commits it only when each table
// has been looked at again and has none left. It fails with errDoubt where that may
// have worked.
func (r *sharedRows) erase(ctx context.Context) (err error) {
	ctx = actingFor(ctx, r.tenant)
	tx, err := r.Driver.Tx(ctx)
	if err != nil {
		return fmt.Errorf("manager: erasing the rows of %s: %w", r.tenant, err)
	}
	if err := r.eraseIn(ctx, tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("manager: erasing the rows of %s: %w: %w", r.tenant, errDoubt, err)
	}
	return nil
}

func (r *sharedRows) eraseIn(ctx context.Context, tx dialect.Tx) error {
	tables := deletionOrder(r.Metadata.Tables)
	for _, table := range tables {
		if err := r.deleteFrom(ctx, tx, table); err != nil {
			return err
		}
	}
	for _, table := range tables {
		left, err := r.countIn(ctx, tx, table)
		if err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("manager: %s still has %d rows in %s after they were deleted: who writes them?", r.tenant, left, table.Name)
		}
	}
	return nil
}

// mine is the condition that a row is exactly this tenant's. A table of MySQL can
// have been made to ignore case, and it is the text that is compared byte by byte: the
// bytes of a uuid of MariaDB are others. Where the column cannot hold the tenant's id,
// no row is: what the database would read it as is the id of another tenant.
func (r *sharedRows) mine(table schema.Table) *entsql.Predicate {
	id, err := tenantColumn(table).Value(r.tenant.ID)
	if err != nil {
		return entsql.False()
	}
	mine := entsql.EQ(table.TenantColumn, id)
	if r.Driver.Dialect() == dialect.MySQL && table.ColumnType != schema.Int64 {
		mine = entsql.And(mine, entsql.P(func(b *entsql.Builder) {
			b.WriteString("CAST(CAST(").Ident(table.TenantColumn).WriteString(" AS CHAR) AS BINARY) = CAST(").Arg(id).WriteString(" AS BINARY)")
		}))
	}
	return mine
}

// tenantColumn is the tenant column of a table, as package privacy has it.
func tenantColumn(table schema.Table) privacy.Column {
	switch table.ColumnType {
	case schema.UUID:
		return privacy.UUIDColumn(table.TenantColumn)
	case schema.Int64:
		return privacy.Int64Column(table.TenantColumn)
	default:
		return privacy.StringColumn(table.TenantColumn)
	}
}

// deletionOrder puts tables before those that they refer to. In a circle a key
// gives way whose ON DELETE does not keep the row that it refers to.
func deletionOrder(tables []schema.Table) []schema.Table {
	left, sorted := slices.Clone(tables), make([]schema.Table, 0, len(tables))
	for len(left) > 0 {
		next := slices.IndexFunc(left, func(t schema.Table) bool { return !referred(t, left, true) })
		if next < 0 {
			next = slices.IndexFunc(left, func(t schema.Table) bool { return !referred(t, left, false) })
		}
		next = max(next, 0) // the database will say which key it is
		sorted = append(sorted, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return sorted
}

// referred reports whether another table refers to t, by any key or by one that
// keeps its rows.
func referred(t schema.Table, by []schema.Table, anyKey bool) bool {
	return slices.ContainsFunc(by, func(other schema.Table) bool {
		return other.Name != t.Name && slices.ContainsFunc(other.ForeignKeys, func(key schema.ForeignKey) bool {
			return key.RefTable == t.Name && (anyKey || key.OnDelete != "CASCADE" && key.OnDelete != "SET NULL")
		})
	})
}
