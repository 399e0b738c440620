package postgres_test

import (
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

func wantErr(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("want %q, got %v", want, err)
	}
}

func wantCode(tb testing.TB, err error, code string) {
	tb.Helper()
	var server *pgconn.PgError
	if !errors.As(err, &server) || server.Code != code {
		tb.Errorf("want the server's error %s, got %v", code, err)
	}
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// appRole returns the application's role.
func appRole(w *world) string {
	address, err := url.Parse(w.url)
	if err != nil {
		return ""
	}
	return address.User.Username()
}

func serverError(tb testing.TB, err error) *pgconn.PgError {
	tb.Helper()
	var server *pgconn.PgError
	if !errors.As(err, &server) {
		tb.Fatalf("want an error of the server, got %v", err)
	}
	return server
}
