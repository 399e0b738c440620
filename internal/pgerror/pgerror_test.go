package pgerror_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy/internal/pgerror"
)

func TestWithoutConfig(t *testing.T) {
	t.Parallel()
	_, err := pgconn.Connect(t.Context(), "postgres://shop:hunter2@127.0.0.1:1/orders?sslmode=disable")
	var failed *pgconn.ConnectError
	if !errors.As(err, &failed) || failed.Config.Password != "hunter2" {
		t.Fatalf("pgx does not put it there: %v", err)
	}
	got := pgerror.WithoutConfig(fmt.Errorf("reading: %w", err))
	if errors.As(got, &failed) || strings.Contains(got.Error(), "orders") || !strings.HasPrefix(got.Error(), "connecting: 127.0.0.1:1") {
		t.Errorf("got %v", got)
	}
	if !errors.Is(got, errors.Unwrap(failed)) {
		t.Errorf("why it failed is lost: %v", got)
	}
	_, err = pgconn.Connect(t.Context(), "postgres://shop:hunter2@127.0.0.1:port/orders")
	var unread *pgconn.ParseConfigError
	if !errors.As(err, &unread) || !strings.Contains(unread.ConnString, "hunter2") {
		t.Fatalf("pgx does not put it there: %v", err)
	}
	got = pgerror.WithoutConfig(fmt.Errorf("reading: %w", err))
	if errors.Unwrap(got) != nil || strings.Contains(got.Error(), "hunter2") {
		t.Errorf("got %v", got)
	}
	mine := errors.New("mine")
	if got := pgerror.WithoutConfig(mine); !errors.Is(got, mine) || got.Error() != "mine" || pgerror.WithoutConfig(nil) != nil {
		t.Errorf("got %v", got)
	}
}
