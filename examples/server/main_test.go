package main

import (
	"bytes"
	"io"
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
	s.tenants.ServeHTTP(w, r)
	return w
}

// look asks as an operator.
func (s *service) look(t *testing.T, path string) string {
	t.Helper()
	w := httptest.NewRecorder()
	s.operators.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		t.Errorf("%s: %d %s", path, w.Code, w.Body)
	}
	return w.Body.String()
}

func TestServer(t *testing.T) {
	t.Parallel()
	var logs, out bytes.Buffer
	s, err := newService(t.Context(), &logs)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if err := s.printSession(&out, "http://example.com", "http://localhost"); err != nil || strings.Count(out.String(), "curl") != 6 {
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
		{"", http.MethodGet, "/metrics", http.StatusNotFound, ""},
	} {
		got := s.send(t, step.user, step.method, step.path)
		if got.Code != step.status || step.body != "" && got.Body.String() != step.body {
			t.Errorf("%+v: got %d %s", step, got.Code, got.Body)
		}
	}
	s.look(t, "/health")
	s.look(t, "/ready")
	for path, wants := range map[string][]string{
		"/metrics":      {`{outcome="served"} 7`, `{outcome="refused"} 3`, `{outcome="limited"} 1`, `tenancy_tenant_statements_total`},
		"/metrics.json": {`"requests"`},
	} {
		metrics := s.look(t, path)
		for _, want := range wants {
			if !strings.Contains(metrics, want) {
				t.Errorf("%s: no %s in\n%s", path, want, metrics)
			}
		}
	}
	for _, want := range []string{"audit.action=user.create", "audit.principal=ann@acme"} {
		if !strings.Contains(logs.String(), want) {
			t.Errorf("no %s in the account:\n%s", want, &logs)
		}
	}
}

// Of what cannot be in the account, nothing is left.
//
//nolint:paralleltest // ent's Schema.Create, which the server calls, writes to its package's variables
func TestServerWithoutAccount(t *testing.T) {
	s, err := newService(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.close() })
	if err := s.manager.Audit().Close(t.Context()); err != nil { // it takes no more entries
		t.Fatal(err)
	}
	if got := s.send(t, "ann@acme", http.MethodPost, "/users"); got.Code != http.StatusInternalServerError {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
	if got := s.send(t, "ann@acme", http.MethodGet, "/users"); got.Code != http.StatusOK || got.Body.String() != "[]\n" {
		t.Errorf("got %d %s", got.Code, got.Body)
	}
}
