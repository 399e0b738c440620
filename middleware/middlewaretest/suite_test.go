package middlewaretest_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestHandler(t *testing.T) {
	t.Parallel()
	middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
		tb.Helper()
		tenants, err := middleware.New(s.Lookup, s.Resolver, s.Config)
		if err != nil {
			tb.Fatal(err)
		}
		server := httptest.NewServer(outermost(s.App, tenants(routes(s.App))))
		tb.Cleanup(server.Close)
		return server.URL
	})
}

// outermost is around the tenant handler.
func outermost(app *middlewaretest.App, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				app.Recovered(v)
				http.Error(w, "internal error", http.StatusInternalServerError)
			}
			app.Outside(r.Context())
		}()
		next.ServeHTTP(w, r)
	})
}

// routes is the application.
func routes(app *middlewaretest.App) http.Handler {
	mux := http.NewServeMux()
	for _, path := range []string{"/tenant", "/health", "/health/live", "/healthcare"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Add("Vary", "Accept-Language")
			_, _ = w.Write([]byte(app.Tenant(r.Context())))
		})
	}
	mux.HandleFunc("/error", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(middlewaretest.StatusApp)
		_, _ = w.Write([]byte(middlewaretest.ErrApp.Error()))
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { app.Panic() })
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		app.Stream(r.Context(), w, http.NewResponseController(w).Flush)
	})
	return mux
}
