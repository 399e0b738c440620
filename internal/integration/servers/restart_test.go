package servers_test

import (
	"testing"
	"time"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func TestPrivatePostgresRestarts(t *testing.T) {
	t.Parallel()
	server := servers.NewPrivatePostgres(t)
	address := server.Database(t)
	if _, err := connectPostgres(t, address).Exec(t.Context(), "CREATE TABLE kept ()"); err != nil {
		t.Fatal(err)
	}
	for _, how := range []servers.Shutdown{servers.Fast, servers.Immediate} {
		before := connectPostgres(t, address)
		var started, restarted time.Time
		const query = "SELECT pg_postmaster_start_time() FROM (SELECT count(*) FROM kept) AS rows"
		if err := before.QueryRow(t.Context(), query).Scan(&started); err != nil {
			t.Fatal(err)
		}
		server.Restart(t, how)
		if err := before.Ping(t.Context()); err == nil {
			t.Errorf("%s: a connection outlived the server", how)
		}
		if err := connectPostgres(t, address).QueryRow(t.Context(), query).Scan(&restarted); err != nil {
			t.Fatal(err)
		}
		if !restarted.After(started) {
			t.Errorf("%s: it is still the server that started at %v", how, started)
		}
	}
}
