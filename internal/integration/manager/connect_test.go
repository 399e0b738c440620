package manager_test

import (
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// TestConnectTimeoutCoversTheLogin has a server that takes connections and says nothing.
func TestConnectTimeoutCoversTheLogin(t *testing.T) {
	t.Parallel()
	for _, scheme := range []string{"mysql", "postgres"} {
		t.Run(scheme, func(t *testing.T) {
			t.Parallel()
			address := silent(t, tenancy.NewSecret(scheme+"://shop:secret@127.0.0.1/shop"))
			config := manager.Config{Database: manager.DatabaseConfig{URL: address, ConnectTimeout: time.Second}}
			config.Isolation.Default = tenancy.IsolationShared
			m, err := manager.New(t.Context(), config, manager.App{Tenancy: notes(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			must(t, err)
			defer func() { must(t, m.Close()) }()
			own := tenancy.NewContext(t.Context(), tenancy.Tenant{
				ID: "own", Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: address},
			})
			for what, connect := range map[string]func() error{
				"Start":          func() error { return m.Start(t.Context()) },
				"the home":       func() error { return m.Operator().Home().PingContext(t.Context()) },
				"serving":        func() error { return m.Operator().Serving().PingContext(t.Context()) },
				"a tenant's own": func() error { _, err := m.Driver().ExecContext(own, "DELETE FROM notes"); return err },
			} {
				failed := make(chan error, 1)
				go func() { failed <- connect() }()
				select {
				case err := <-failed:
					if err == nil {
						t.Errorf("%s: it connects", what)
					}
				case <-time.After(10 * time.Second):
					t.Errorf("%s: it still waits", what)
				}
			}
		})
	}
}
