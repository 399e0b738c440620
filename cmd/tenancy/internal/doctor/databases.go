package doctor

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/app"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// databases looks for the databases of tenants' own. One that is marked as the
// tenant's on the home's server is there. Any other may be on another server, and
// is asked for by connecting to it; a server that does not answer is asked once.
// It says how many of the latter there are.
func (e *examination) databases(ctx context.Context, check *Check, marks map[string]string) (owned int, err error) {
	gone := map[string]bool{}
	for _, t := range e.all {
		t, err := e.Place(t)
		if err != nil || t.Isolation != tenancy.IsolationDatabase || t.Status == tenancy.StatusProvisioning || encrypted(t) ||
			marks[app.DatabaseName(t)] == markTenant+url.QueryEscape(string(t.ID)) {
			continue
		}
		found, err := e.database(ctx, check, t, gone)
		if err != nil {
			return owned, err
		}
		if found {
			owned++
		}
	}
	return owned, nil
}

// database looks for the database of one tenant, unless its server is known not to answer.
func (e *examination) database(ctx context.Context, check *Check, t tenancy.Tenant, gone map[string]bool) (found bool, err error) {
	name := app.DatabaseName(t)
	own, err := e.Open(ctx, t)
	if err != nil {
		check.add(Problem, fmt.Sprintf("the database of %s was not looked at: %v", t, err))
		return false, nil
	}
	defer func() { err = errors.Join(err, own.DB.Close()) }()
	if gone[own.Server] {
		return false, nil
	}
	mark, err := e.markWithin(ctx, own.DB)
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case isMissing(err):
		check.add(Problem, fmt.Sprintf("%s has no namespace: there is no database %q on %s%s", t, name, own.Server, wayBack))
	case err != nil && answered(err):
		check.add(Problem, fmt.Sprintf("the database %q of %s cannot be looked at: %s", name, t, plain(err)))
	case err != nil:
		gone[own.Server] = true
		check.add(Problem, fmt.Sprintf("the server %s does not answer, so that its databases of tenants, such as that of %s, were not looked at: %s", own.Server, t, plain(err)))
	case mark == "":
		check.add(Hint, fmt.Sprintf("the database %q of %s has no mark: it was made by hand, and tenant erase will refuse to drop it", name, t))
	case mark != markTenant+url.QueryEscape(string(t.ID)):
		check.add(Problem, fmt.Sprintf("the database %q of %s is marked as another's: %s", name, t, mark))
	default:
		found = true
	}
	return found, nil
}

// markWithin reads the mark of the database that it is connected to, empty if it has none.
func (e *examination) markWithin(ctx context.Context, db *sql.DB) (mark string, err error) {
	query := "SELECT mark FROM tenancy_namespace WHERE id = 1"
	if e.Dialect == dialect.Postgres {
		query = "SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = current_database()"
	}
	err = db.QueryRowContext(ctx, query).Scan(&mark)
	var refused *mysql.MySQLError
	if errors.Is(err, sql.ErrNoRows) || errors.As(err, &refused) && refused.Number == 1146 {
		return "", nil
	}
	return mark, err
}

// isMissing reports whether a server has said that there is no such database.
func isMissing(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	return errors.As(err, &pg) && pg.Code == "3D000" || errors.As(err, &my) && my.Number == 1049
}

// answered reports whether an error is the server's answer.
func answered(err error) bool {
	var pg *pgconn.PgError
	var my *mysql.MySQLError
	return errors.As(err, &pg) || errors.As(err, &my)
}

// plain is an error as one line, without the configuration of the connection.
func plain(err error) string {
	return strings.ReplaceAll(pgerror.WithoutConfig(err).Error(), "\n", " ")
}
