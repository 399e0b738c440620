package postgres

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/pgerror"
)

// exec runs a statement for its effect.
func exec(ctx context.Context, tx dialect.ExecQuerier, statement string) error {
	if err := tx.Exec(ctx, statement, []any{}, nil); err != nil {
		return fmt.Errorf("postgres: %s: %w", statement, pgerror.WithoutConfig(err))
	}
	return nil
}

// query calls each for every row of a result.
func query(ctx context.Context, tx dialect.ExecQuerier, text string, each func(*entsql.Rows) error, args ...any) (err error) {
	rows := &entsql.Rows{}
	if err := tx.Query(ctx, text, append([]any{}, args...), rows); err != nil {
		return fmt.Errorf("postgres: reading the catalog: %w", pgerror.WithoutConfig(err))
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := each(rows); err != nil {
			return fmt.Errorf("postgres: reading the catalog: %w", err)
		}
	}
	return rows.Err()
}

// queryOne returns the one value of a result, or the zero value without a row.
func queryOne[T any](ctx context.Context, tx dialect.ExecQuerier, text string, args ...any) (value T, err error) {
	err = query(ctx, tx, text, func(rows *entsql.Rows) error { return rows.Scan(&value) }, args...)
	return value, err
}
