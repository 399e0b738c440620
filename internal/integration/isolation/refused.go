package isolation

import (
	"errors"
	"slices"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

// refusedOfEnt reports whether err is a server's refusal of a statement that ent makes without tenants too:
//
//   - ordered by a field of a neighbor there is one of, ent groups by the key alone. PostgreSQL wants the field among the keys (42803), and
//     so does MySQL as it comes (1055);
//   - an update that asks about users' neighbors that are users reads what it writes, which MySQL refuses (1093). MariaDB does not.
func refusedOfEnt(err error) bool {
	var postgres *pgconn.PgError
	if errors.As(err, &postgres) {
		return postgres.Code == "42803"
	}
	var my *mysql.MySQLError
	return errors.As(err, &my) && slices.Contains([]uint16{1055, 1093}, my.Number)
}
