package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Raw lends use the pgx connection behind db, for what database/sql has no
// words for: COPY, batches, large objects. In it, the scope of ctx holds.
//
// With a tenant in ctx, use runs in db's transaction, if BeginTx has begun one
// for the same tenant, and otherwise in one of its own, which is committed if
// use returns nil. In a System scope it gets the connection as it is. Raw fails
// with tenancy.ErrNoTenant and tenancy.ErrCrossTenant as a statement would, and
// with an error of its own where db is not of a [Connector].
//
// use must not keep the connection, end its transaction or change its session.
// COPY FROM into a table with row-level security is not possible in PostgreSQL.
func Raw(ctx context.Context, db *sql.Conn, use func(*pgx.Conn) error) error {
	return db.Raw(func(driverConn any) error {
		c, ok := unwrap(driverConn).(*conn)
		if !ok {
			return fmt.Errorf("postgres: Raw needs a connection of a postgres.Connector, not a %T", driverConn)
		}
		return c.lend(ctx, use)
	})
}

// unwrap returns the connection within those that wrap it, as the pools of
// package driver do.
func unwrap(driverConn any) any {
	for {
		wrapped, ok := driverConn.(interface{ Unwrap() driver.Conn })
		if !ok {
			return driverConn
		}
		driverConn = wrapped.Unwrap()
	}
}

func (c *conn) lend(ctx context.Context, use func(*pgx.Conn) error) error {
	w, err := c.admit(ctx)
	switch {
	case err != nil:
		return err
	case w.begin != "":
		if err := c.tx.open(ctx); err != nil {
			return err
		}
	case !w.inTx && !w.at.system:
		return c.lendInTx(ctx, use)
	}
	return use(c.pgx)
}

func (c *conn) lendInTx(ctx context.Context, use func(*pgx.Conn) error) error {
	begun, err := c.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		return err
	}
	if c.tx.unsent() {
		err = c.tx.open(ctx)
	}
	if err == nil {
		err = use(c.pgx)
	}
	if err != nil {
		return errors.Join(err, begun.Rollback())
	}
	return begun.Commit()
}

// Conn returns the pgx connection, for use within (*sql.Conn).Raw, like the
// method of stdlib's connection. It does not look at a scope: outside a
// transaction, what is done there has no tenant. [Raw] is the better way.
func (c *conn) Conn() *pgx.Conn {
	if c.tx != nil && c.tx.unsent() && !c.tx.at.system {
		if err := c.tx.open(c.tx.ctx); err != nil {
			c.tx.failed = true
			_ = c.pgx.Close(c.tx.ctx) // rather than have it work outside the transaction
		}
	}
	return c.pgx
}
