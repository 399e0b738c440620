// Package pgerror makes errors of pgx fit to be shown.
package pgerror

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// WithoutConfig takes out of an error what pgx puts around why it could not connect: the
// configuration of the connection, with its password, or the URL that it could not read.
// Other errors, and none, are returned as they are.
func WithoutConfig(err error) error {
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		return fmt.Errorf("connecting: %w", failed.Unwrap())
	}
	var unread *pgconn.ParseConfigError
	if errors.As(err, &unread) {
		return errors.New(unread.Error()) // a text without the password, unlike what it wraps
	}
	return err
}
