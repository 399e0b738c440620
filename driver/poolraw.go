package driver

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Conn returns a connection to the place of the tenant, for what has no other
// way: COPY and the like, through driver/postgres' Raw or (*sql.Conn).Raw. It
// has to be closed. Nothing of this driver stands between: what is done on it is
// held by its context, as far as the home sees to that, and by the database.
//
// A home that puts the tenant into each text, as mysql.Schemas does, or a transaction
// around it, lends no connection, whoever asks, since nothing would do that on it:
// the error is errors.ErrUnsupported.
func (d *Driver) Conn(ctx context.Context) (*sql.Conn, error) {
	var r route
	ctx, err := d.route(ctx, &r, "", "")
	if err != nil {
		return nil, err
	}
	defer r.done()
	pool, ok := r.driver.(interface{ DB() *sql.DB })
	if !ok {
		return nil, fmt.Errorf("driver: %w: a %T lends no connection, on which nothing would put statements into their tenant's place: "+
			"use ExecContext, QueryContext or a transaction", errors.ErrUnsupported, r.driver)
	}
	conn, err := pool.DB().Conn(ctx)
	return conn, r.end(ctx, err)
}
