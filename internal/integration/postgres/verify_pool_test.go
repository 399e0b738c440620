package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestVerifyOnReadOnlyPool is one of a replica, where nothing can be written.
func TestVerifyOnReadOnlyPool(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	config, err := pgx.ParseConfig(g.app)
	must(t, err)
	config.RuntimeParams["default_transaction_read_only"] = "on"
	verify := func() error {
		_, err := postgres.Verify(t.Context(), openConfig(t, 1, config, postgres.Config{}), g.tenancy, postgres.VerifyConfig{})
		return err
	}
	must(t, verify())
	run(t, g.owner, "ALTER POLICY tenant_isolation ON orders USING (true)")
	if err := verify(); err == nil || !strings.Contains(err.Error(), "a tenant can read another's rows") {
		t.Errorf("with an altered policy: %v", err)
	}
}

// TestVerifyFindsTenantOfTheConnection has one in the connection's options.
func TestVerifyFindsTenantOfTheConnection(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	config, err := pgx.ParseConfig(g.app)
	must(t, err)
	config.RuntimeParams["options"] = "-c tenancy.tenant_id=a"
	_, err = postgres.Verify(t.Context(), openConfig(t, 1, config, postgres.Config{}), g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
	if err != nil && !strings.Contains(err.Error(), "default") {
		t.Errorf("%v does not say what is wrong", err)
	}
}

// TestVerifyFindsTenantOfConnectionsToCome has a connection from before.
func TestVerifyFindsTenantOfConnectionsToCome(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	db := g.serve(t)
	_, err := postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	must(t, err)
	run(t, g.asAdmin(t), g.fill(t, "ALTER ROLE {app} SET tenancy.tenant_id = 'a'"))
	_, err = postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
}

// TestVerifyThatIsHeldUpIsNoVerdict has a table locked while Verify tries it.
func TestVerifyThatIsHeldUpIsNoVerdict(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	admin := openURL(t, g.asAdmin(t), postgres.Config{})
	tx, err := admin.BeginTx(system(t), nil)
	must(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(system(t), "LOCK TABLE orders IN SHARE MODE")
	must(t, err)
	config, err := pgx.ParseConfig(g.app)
	must(t, err)
	config.RuntimeParams["lock_timeout"] = "1ms"
	_, err = postgres.Verify(t.Context(), openConfig(t, 1, config, postgres.Config{}), g.tenancy, postgres.VerifyConfig{})
	wantCode(t, err, "55P03")
}
