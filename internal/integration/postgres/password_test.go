package postgres_test

import (
	"database/sql"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// TestErrorsHoldNoPassword has pools of other drivers than this package's, which nobody answers.
func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", "postgres://shop:hunter2@127.0.0.1:1/shop?sslmode=disable")
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	notes := schema.Metadata{Tables: []schema.Table{{Name: "notes", TenantColumn: "tenant_id", ColumnType: schema.String}}}
	_, verified := postgres.Verify(t.Context(), db, notes, postgres.VerifyConfig{})
	_, system := postgres.VerifySystem(t.Context(), db, notes, postgres.VerifyConfig{})
	for name, err := range map[string]error{
		"Verify": verified, "VerifySystem": system, "RevokeRegistry": postgres.RevokeRegistry(t.Context(), db, "app"),
	} {
		if err == nil || errors.As(err, new(*pgconn.ConnectError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
