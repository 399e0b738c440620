package postgres

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/internal/sqlcomment"
)

// call is a statement and its arguments, as the caller means them.
type call struct {
	sql     string
	sent    string // with the comment that says whose it is; empty where that is sql
	args    []any
	unnamed bool
}

// text is what the server gets of a statement that is not prepared.
func (c *call) text() string { return cmp.Or(c.sent, c.sql) }

// split takes the comment off the text. Each tenant would have prepared
// statements of its own otherwise.
func (c call) split() call {
	if bare, found := sqlcomment.Cut(c.sql); found {
		c.sql, c.sent = bare, c.sql
	}
	return c
}

// newCall takes arguments as stdlib does: the first ones may be options of pgx.
func (c *conn) newCall(ctx context.Context, sql string, named []driver.NamedValue) (call, error) {
	made := call{sql: sql, args: make([]any, len(named)), unnamed: c.connector.unnamed.Load()}
	for i := range named {
		if named[i].Name != "" {
			return call{}, errors.New("postgres: sql.Named is not supported, use $1 or pgx.NamedArgs")
		}
		made.args[i] = named[i].Value
	}
	for len(made.args) > 0 {
		first := made.args[0]
		switch option := first.(type) {
		case pgx.QueryExecMode:
			made.unnamed = made.unnamed || option == pgx.QueryExecModeExec || option == pgx.QueryExecModeSimpleProtocol
			made.args = made.args[1:]
		case pgx.QueryRewriter:
			var err error
			if made.sql, made.args, err = option.RewriteQuery(ctx, c.pgx, made.sql, made.args[1:]); err != nil {
				return call{}, fmt.Errorf("postgres: rewriting the query: %w", err)
			}
		case pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			return call{}, fmt.Errorf("postgres: %T is not supported, the driver chooses the formats", first)
		default:
			return made.split(), nil
		}
	}
	return made.split(), nil
}
