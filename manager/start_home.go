package manager

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// OneHome fails with postgres.ErrUnsafe where Config.Database.URL or SystemURL leads to another
// database than AdminURL: one registry's tenants would be served another's rows, such as
// those of staging. It is asked on PostgreSQL alone. Start does so too.
func (o Operator) OneHome(ctx context.Context) error { return o.m.verifyOneHome(ctx) }

func (m *Manager) verifyOneHome(ctx context.Context) (err error) {
	if at := m.config.Database; at.Dialect() != dialect.Postgres || at.URL.Equal(at.AdminURL) && at.SystemURL.IsZero() {
		return nil
	}
	// A lock is seen in its database, whatever leads there, and not in a copy of it, as
	// all that is written down can be.
	var random [8]byte
	_, _ = rand.Read(random[:]) // it does not fail
	key := binary.BigEndian.Uint64(random[:])
	tx, err := m.admin.BeginTx(ctx, nil)
	if err != nil {
		return pgerror.WithoutConfig(err)
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	if _, err := tx.ExecContext(ctx, fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", int64(key))); err != nil { //nolint:gosec // any 64 bits are a key
		return err
	}
	serving := tenancy.NewContext(ctx, tenancy.Tenant{ID: "1", Isolation: tenancy.IsolationRLS})
	if err := m.seesLock(serving, m.Operator().Serving(), key, "Database.URL"); err != nil {
		return err
	}
	if system := m.Operator().System(); system != nil {
		err = m.seesLock(tenancy.System(ctx, "check where the system URL leads to"), system, key, "Database.SystemURL")
		if err != nil && !errors.Is(err, postgres.ErrUnsafe) {
			return nil // verifySystem says so, and requests do not need it
		}
	}
	return err
}

// seesLock fails with postgres.ErrUnsafe unless the lock is there in the pool's database.
func (m *Manager) seesLock(ctx context.Context, db *sql.DB, key uint64, setting string) error {
	var there bool
	err := db.QueryRowContext(ctx, fmt.Sprintf(`
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_locks
			WHERE locktype = 'advisory' AND classid = %d AND objid = %d AND objsubid = 1 AND granted
				AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))`,
		key>>32, key&(1<<32-1))).Scan(&there)
	if err == nil && !there {
		err = fmt.Errorf("%w:\n%s and %s lead to different databases: the registry of one would serve the rows of the other",
			postgres.ErrUnsafe, envOf(setting), envOf("Database.AdminURL"))
	}
	return pgerror.WithoutConfig(err)
}
