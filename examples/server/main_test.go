package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// send sends a request as a user, and without a token for "".
func (s *service) send(t *testing.T, user, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader("email=new@example.com"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if user != "" {
		token, err := s.token(user)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w
}

func TestServer(t *testing.T) {
	t.Parallel()
	var logs, out bytes.Buffer
	s, err := newService(t.Context(), &logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if err := s.printSession(&out, "http://example.com"); err != nil || strings.Count(out.String(), "curl") != 6 {
		t.Errorf("the session is %q, %v", &out, err)
	}

	for _, step := range []struct {
		user, method, path string
		status             int
		body               string
	}{
		{"ann@acme", http.MethodPost, "/users", http.StatusCreated, ""},
		{"ann@acme", http.MethodPost, "/users", http.StatusConflict, ""},
		{"bob@globex", http.MethodGet, "/users", http.StatusOK, "[]\n"},
		{"ann@acme", http.MethodGet, "/users", http.StatusOK, "[\"new@example.com\"]\n"},
		{"", http.MethodGet, "/users", http.StatusNotFound, ""},
		{"eve@initech", http.MethodGet, "/users", http.StatusNotFound, ""},
		{"ann@acme", http.MethodGet, "/users", http.StatusOK, ""},
		{"ann@acme", http.MethodGet, "/users", http.StatusOK, ""},
		{"ann@acme", http.MethodGet, "/users", http.StatusTooManyRequests, ""},
		{"bob@globex", http.MethodGet, "/users", http.StatusOK, "[]\n"},
		{"", http.MethodGet, "/health", http.StatusOK, "ok\n"},
	} {
		got := s.send(t, step.user, step.method, step.path)
		if got.Code != step.status || step.body != "" && got.Body.String() != step.body {
			t.Errorf("%+v: got %d %s", step, got.Code, got.Body)
		}
	}
	metrics := s.send(t, "", http.MethodGet, "/metrics").Body.String()
	for _, want := range []string{`{outcome="served"} 7`, `{outcome="refused"} 2`, `{outcome="limited"} 1`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %s in\n%s", want, metrics)
		}
	}
	for _, want := range []string{"audit.action=user.create", "audit.principal=ann@acme"} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("no %s in the account:\n%s", want, &logs)
		}
	}
}
