package manager_test

import (
	"bytes"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/manager"
)

// Goroutines of a Manager log where nobody could recover.
func TestManagerOutlivesALoggerThatPanics(t *testing.T) {
	t.Parallel()
	c, logged := sqliteConfig(t), &brittle{}
	c.Observe.MigrationsEvery = time.Millisecond
	files := migrations(t, dialect.SQLite)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	_, err := m.Operator().Home().ExecContext(t.Context(), "ALTER TABLE tenancy_tenants RENAME TO gone")
	must(t, err)
	for deadline := time.Now().Add(30 * time.Second); logged.panics.Load() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the logger was called %d times after the registry had gone", logged.panics.Load())
		}
	}
}

// brittle is a log that does not bear that the state of migrations is not known.
type brittle struct{ panics atomic.Int64 }

func (b *brittle) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("state of migrations")) {
		b.panics.Add(1)
		panic("a logger of an application's own")
	}
	return len(p), nil
}
