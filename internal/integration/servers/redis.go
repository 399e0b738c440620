package servers

import (
	"context"
	"errors"
	"net"

	"github.com/redis/go-redis/v9"
)

func redisServer() kind {
	return kind{
		name:     "Redis",
		variable: "TENANCY_TEST_REDIS_URL",
		standard: "redis://127.0.0.1:6379",
		ping:     pingRedis,
		plan:     planRedis,
	}
}

func planRedis() (plan, error) {
	server, err := program("redis-server")
	if err != nil {
		return plan{}, err
	}
	return plan{
		account: "redis",
		serve: []string{
			server, "--bind", "127.0.0.1", "--port", "{port}", "--unixsocket", "{dir}/socket", "--dir", "{dir}",
			"--save", "", "--appendonly", "no",
		},
		signal:  "TERM",
		socket:  "unix://{dir}/socket",
		address: "redis://127.0.0.1:{port}",
	}, nil
}

// errNotRedisURL stands in for what a parser says, because that may hold a part of the password.
var errNotRedisURL = errors.New("not a URL like redis://user:password@host:6379/0")

func pingRedis(ctx context.Context, address string) (err error) {
	options, err := redis.ParseURL(address)
	if err != nil {
		return errNotRedisURL
	}
	// First without the client, which would write to the standard error that nobody listens.
	conn, err := new(net.Dialer).DialContext(ctx, options.Network, options.Addr)
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	options.MaxRetries, options.DialerRetries = -1, 1 // one answer, now
	client := redis.NewClient(options)
	defer func() { err = errors.Join(err, client.Close()) }()
	return client.Ping(ctx).Err()
}
