package registry

import (
	"cmp"
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// PostgresInvalidations are Invalidations by PostgreSQL's LISTEN and NOTIFY,
// for those who have no Redis. Whoever may connect to the database can make
// the caches drop tenants, and no more. It is safe for concurrent use. Make
// one with NewPostgresInvalidations.
type PostgresInvalidations struct {
	db  *sql.DB
	cfg PostgresInvalidationsConfig
}

var _ Invalidations = (*PostgresInvalidations)(nil)

// PostgresInvalidationsConfig is what PostgresInvalidations can be told. The
// zero PostgresInvalidationsConfig works.
type PostgresInvalidationsConfig struct {
	// Channel is the same in all processes that share a registry, and no
	// other's in the database. Defaults to "tenancy_registry".
	Channel string
	// Logger hears when the messages of others do not arrive, and when they do
	// again. Defaults to none.
	Logger *slog.Logger
}

// NewPostgresInvalidations returns Invalidations that take a connection from
// the pool for listening, for as long as someone does. The pool is one that
// pgx's stdlib has opened, such as the registry's own, and leads to PostgreSQL
// itself: a pooler that hands out connections by transaction does not pass
// notifications on. The caller keeps it, and closes it after those who listen.
func NewPostgresInvalidations(db *sql.DB, cfg PostgresInvalidationsConfig) (*PostgresInvalidations, error) {
	if db == nil {
		return nil, errors.New("registry: NewPostgresInvalidations: db is nil")
	}
	cfg.Channel = cmp.Or(cfg.Channel, "tenancy_registry")
	if len(cfg.Channel) > maxChannel {
		return nil, fmt.Errorf("registry: NewPostgresInvalidations: PostgresInvalidationsConfig.Channel is longer than %d bytes", maxChannel)
	}
	cfg.Logger = panicked.Logger(cfg.Logger)
	return &PostgresInvalidations{db: db, cfg: cfg}, nil
}

const (
	maxChannel      = 63   // NAMEDATALEN - 1; pg_notify refuses what LISTEN would cut
	maxPostgresText = 7999 // the payload's limit, in bytes
)

// Publish implements Invalidations.
func (p *PostgresInvalidations) Publish(ctx context.Context, inv Invalidation) error {
	texts, err := inv.texts(maxPostgresText)
	if err != nil {
		return fmt.Errorf("registry: publishing an invalidation: %w", err)
	}
	for _, text := range texts {
		if _, err := p.db.ExecContext(ctx, "SELECT pg_notify($1, $2)", p.cfg.Channel, text); err != nil {
			return fmt.Errorf("registry: publishing an invalidation: %w", pgerror.WithoutConfig(err))
		}
	}
	return nil
}

// Listen implements Invalidations.
func (p *PostgresInvalidations) Listen(ctx context.Context, handle func(Invalidation)) {
	keepListening(ctx, p.cfg.Logger, func(connected func()) error { return p.listen(ctx, connected, handle) })
}

// listen returns when the connection is lost.
func (p *PostgresInvalidations) listen(ctx context.Context, connected func(), handle func(Invalidation)) error {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return pgerror.WithoutConfig(err)
	}
	defer func() { _ = conn.Close() }()
	return conn.Raw(func(driverConn any) error {
		with, ok := driverConn.(interface{ Conn() *pgx.Conn })
		if !ok {
			return errors.New("registry: PostgresInvalidations need a pool that pgx's stdlib has opened")
		}
		err := p.receive(ctx, with.Conn(), connected, handle)
		// Not back into the pool with a connection that listens.
		return fmt.Errorf("%w: %w", driver.ErrBadConn, err)
	})
}

func (p *PostgresInvalidations) receive(ctx context.Context, conn *pgx.Conn, connected func(), handle func(Invalidation)) error {
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{p.cfg.Channel}.Sanitize()); err != nil {
		return err
	}
	handle(Invalidation{All: true})
	connected()
	for {
		notification, err := within(ctx, conn.WaitForNotification)
		switch {
		case err == nil:
			handle(parseInvalidation(notification.Payload))
			continue
		case ctx.Err() != nil, conn.IsClosed(), !errors.Is(err, context.DeadlineExceeded):
			return err
		}
		_, err = within(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, conn.Ping(ctx) })
		if err != nil {
			return err
		}
	}
}

// within calls do, which ends after a heartbeat.
func within[T any](ctx context.Context, do func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, heartbeat)
	defer cancel()
	return do(ctx)
}
