package manager

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// VerifyPostgres returns a function for LifecycleConfig.Verify that runs
// postgres.Verify on the tables of a tenant: on those of its schema or database,
// or with tenancy.IsolationRLS on the shared ones. So it asks for row-level
// security and composite keys there too. Shared tables without are not looked at.
//
// The home is the pool that serves requests, and config is that of the
// connections to tenants' own databases.
func VerifyPostgres(home *sql.DB, m schema.Metadata, config postgres.Config) func(context.Context, tenancy.Tenant) error {
	return func(ctx context.Context, t tenancy.Tenant) (err error) {
		db, at := home, postgres.VerifyConfig{KeepsRegistry: true} // which is not the tenant's: a Manager looks at its grants
		switch t.Isolation {
		case tenancy.IsolationRLS:
		case tenancy.IsolationSchema:
			at.Schema = t.Placement.Schema
		case tenancy.IsolationDatabase:
			// Not as the driver opens it: for this one tenant only, where Verify tries others.
			pg, err := pgx.ParseConfig(t.Placement.DatabaseURL.Reveal())
			if err != nil {
				return fmt.Errorf("manager: %w: the database URL of %s cannot be used", tenancy.ErrInvalidPlacement, t)
			}
			connector, err := postgres.NewConnector(pg, config)
			if err != nil {
				return err
			}
			db = sql.OpenDB(connector)
			defer db.Close() //nolint:errcheck // nothing is written
		default:
			return nil
		}
		_, err = postgres.Verify(ctx, db, m, at)
		return err
	}
}
