package manager

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/entenancy/tenancy/internal/pgerror"
)

// errNotStarted is before Start and after Close.
var errNotStarted = errors.New("manager: not started")

// readyTimeout is how long Ready waits for a database.
const readyTimeout = 2 * time.Second

// Ready reports whether requests can be served: Start has been called, and the
// registry and the home answer within two seconds. Without Redis they can, and
// without replicas, for which the home answers. It needs no tenant in ctx.
func (m *Manager) Ready(ctx context.Context) error {
	if !m.started.Load() {
		return errNotStarted
	}
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	if err := m.admin.PingContext(ctx); err != nil {
		return fmt.Errorf("manager: the registry: %w", pgerror.WithoutConfig(err))
	}
	if err := m.serving.PingContext(ctx); err != nil {
		return fmt.Errorf("manager: the home: %w", pgerror.WithoutConfig(err))
	}
	return nil
}

// ReadyHandler answers 200 if Ready finds nothing, and otherwise 503. Why not
// is in the log and not in the answer.
func (m *Manager) ReadyHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := m.Ready(r.Context())
		if err != nil {
			m.app.Logger.WarnContext(r.Context(), "tenancy: not ready", "error", err)
			say(w, http.StatusServiceUnavailable, "unavailable")
			return
		}
		say(w, http.StatusOK, "ready")
	})
}

// HealthHandler answers 200 for as long as the program runs: restarting it does
// not bring a database back.
func (m *Manager) HealthHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
}

func say(w http.ResponseWriter, code int, status string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, `{"status":"`+status+`"}`+"\n") // nobody is left to tell
}
