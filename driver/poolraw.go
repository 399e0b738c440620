package driver

import (
	"context"
	"database/sql"
)

// Conn returns a connection to the place of the tenant, for what has no other
// way: COPY and the like, through driver/postgres' Raw or (*sql.Conn).Raw. It
// has to be closed. Nothing of this driver stands between: what is done on it is
// held by its context, as far as the home sees to that, and by the database.
func (d *Driver) Conn(ctx context.Context) (*sql.Conn, error) {
	var r route
	ctx, err := d.route(ctx, &r, "", "")
	if err != nil {
		return nil, err
	}
	defer r.done()
	pool, ok := r.driver.(interface{ DB() *sql.DB })
	if !ok {
		return nil, unsupported(r.driver, "DB")
	}
	conn, err := pool.DB().Conn(ctx)
	return conn, r.end(ctx, err)
}
