package manager

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/schema"
)

// deleteFrom deletes the tenant's rows in a table, and if that fails once more after
// detach.
func (r *sharedRows) deleteFrom(ctx context.Context, tx dialect.Tx, table schema.Table) error {
	query, args := entsql.Dialect(r.Driver.Dialect()).Delete(table.Name).Where(r.mine(table)).Query()
	err := tx.Exec(ctx, query, args, nil)
	if err != nil && r.Driver.Dialect() != dialect.Postgres { // which looks when all rows are gone
		detached, failed := r.detach(ctx, tx, table)
		switch {
		case failed != nil:
			err = errors.Join(err, failed)
		case detached:
			err = tx.Exec(ctx, query, args, nil)
		}
	}
	if err != nil {
		return fmt.Errorf("manager: deleting the rows of %s in %s: %w", r.tenant, table.Name, err)
	}
	return nil
}

// detach sets to null by what the tenant's rows refer to rows of the same table, and
// reports whether there is something that does. InnoDB looks at each row that is
// deleted whether another one refers to it, though that goes with the same DELETE, and
// so does SQLite where the key has RESTRICT; both follow ON DELETE CASCADE only so far.
func (r *sharedRows) detach(ctx context.Context, tx dialect.Tx, table schema.Table) (detached bool, err error) {
	for _, key := range table.ForeignKeys {
		if key.RefTable != table.Name {
			continue
		}
		nullable, err := r.nullable(ctx, tx, table, key.Column)
		if err != nil {
			return false, err
		}
		if !nullable {
			continue
		}
		query, args := entsql.Dialect(r.Driver.Dialect()).Update(table.Name).SetNull(key.Column).
			Where(entsql.And(r.mine(table), entsql.NotNull(key.Column))).Query()
		if err := tx.Exec(ctx, query, args, nil); err != nil {
			return false, fmt.Errorf("manager: detaching the rows of %s in %s from each other: %w", r.tenant, table.Name, err)
		}
		detached = true
	}
	return detached, nil
}

// nullable asks MySQL or SQLite, since the metadata does not say it.
func (r *sharedRows) nullable(ctx context.Context, tx dialect.Tx, table schema.Table, column string) (bool, error) {
	query := "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ? AND is_nullable = 'YES'"
	if r.Driver.Dialect() == dialect.SQLite {
		query = `SELECT COUNT(*) FROM pragma_table_info(?) WHERE name = ? AND "notnull" = 0`
	}
	n, err := r.number(ctx, tx, query, []any{table.Name, column}, table)
	return n > 0, err
}
