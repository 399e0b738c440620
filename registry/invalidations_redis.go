package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy/internal/panicked"
)

// RedisInvalidations are Invalidations by Redis Pub/Sub. They need no rights
// but PUBLISH and SUBSCRIBE on their channel; whoever else has them can make
// the caches drop tenants, and no more. It is safe for concurrent use. Make
// one with NewRedisInvalidations.
type RedisInvalidations struct {
	client    *redis.Client
	publisher *redis.Client // of the same connections
	cfg       RedisInvalidationsConfig
}

var _ Invalidations = (*RedisInvalidations)(nil)

// RedisInvalidationsConfig is what RedisInvalidations can be told. The zero
// RedisInvalidationsConfig works.
type RedisInvalidationsConfig struct {
	// Channel is the same in all processes that share a registry, and no
	// other's. It is one for the whole server, whatever the database number.
	// Defaults to "tenancy:registry".
	Channel string
	// Logger hears when the messages of others do not arrive, and when they do
	// again. Defaults to none.
	Logger *slog.Logger
}

// NewRedisInvalidations returns Invalidations that use a connection of the
// client's for listening, for as long as someone does. The caller keeps the
// client, and closes it after those who listen.
func NewRedisInvalidations(client *redis.Client, cfg RedisInvalidationsConfig) (*RedisInvalidations, error) {
	if client == nil {
		return nil, errors.New("registry: NewRedisInvalidations: client is nil")
	}
	cfg.Channel = cmp.Or(cfg.Channel, "tenancy:registry")
	cfg.Logger = panicked.Logger(cfg.Logger)
	return &RedisInvalidations{
		client: client, cfg: cfg,
		publisher: client.WithTimeout(publishTimeout), // a read of the client's does not end with its context
	}, nil
}

// maxRedisText is far below what Redis takes, so that others get a word in.
const maxRedisText = 1 << 20

// Publish implements Invalidations.
func (r *RedisInvalidations) Publish(ctx context.Context, inv Invalidation) error {
	texts, err := inv.texts(maxRedisText)
	if err != nil {
		return fmt.Errorf("registry: publishing an invalidation: %w", err)
	}
	for _, text := range texts {
		if err := r.publisher.Publish(ctx, r.cfg.Channel, text).Err(); err != nil {
			return fmt.Errorf("registry: publishing an invalidation: %w", err)
		}
	}
	return nil
}

// Listen implements Invalidations.
func (r *RedisInvalidations) Listen(ctx context.Context, handle func(Invalidation)) {
	keepListening(ctx, r.cfg.Logger, func(connected func()) error { return r.listen(ctx, connected, handle) })
}

// listen returns when the connection is lost.
func (r *RedisInvalidations) listen(ctx context.Context, connected func(), handle func(Invalidation)) error {
	subscription := r.client.Subscribe(ctx, r.cfg.Channel)
	defer func() { _ = subscription.Close() }()
	defer context.AfterFunc(ctx, func() { _ = subscription.Close() })() // a read does not end with its context

	for asked := false; ; {
		message, err := subscription.ReceiveTimeout(ctx, heartbeat)
		switch {
		case isTimeout(err) && !asked:
			asked = true
			err = subscription.Ping(ctx)
		case err == nil:
			asked = false
		}
		if err != nil {
			return err
		}
		switch message := message.(type) {
		case *redis.Subscription: // the client subscribes again by itself if it has to connect again
			handle(Invalidation{All: true})
			connected()
		case *redis.Message:
			handle(parseInvalidation(message.Payload))
		}
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}
