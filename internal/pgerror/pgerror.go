// Package pgerror makes errors of pgx fit to be shown.
package pgerror

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
)

// WithoutConfig takes out of an error what pgx puts around why it could not connect: the
// configuration of the connection, with its password. Other errors, and none, are
// returned as they are.
func WithoutConfig(err error) error {
	var failed *pgconn.ConnectError
	if errors.As(err, &failed) {
		return fmt.Errorf("connecting: %w", failed.Unwrap())
	}
	return err
}
