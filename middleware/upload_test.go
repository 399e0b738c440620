package middleware_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/entenancy/tenancy/middleware"
)

// TestUploadsAreRemoved: files of a form that net/http keeps on disk are gone with the
// request, whether the handler or the resolver has read it, and if it is refused.
func TestUploadsAreRemoved(t *testing.T) {
	files := t.TempDir()
	t.Setenv("TMPDIR", files)
	read := func(r *http.Request) {
		if err := r.ParseMultipartForm(1); err != nil {
			t.Error(err)
		}
		if kept, err := os.ReadDir(files); err != nil || len(kept) != 1 {
			t.Errorf("%d files on disk while the request is served, %v", len(kept), err)
		}
	}
	byForm := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		read(r)
		return middleware.Resolution{Identifier: r.FormValue("tenant")}, nil
	})
	for name, test := range map[string]struct {
		resolver middleware.Resolver
		tenant   string
		want     int
	}{
		"handler":           {byHeader(t), "acme", http.StatusOK},
		"resolver":          {byForm, "acme", http.StatusOK},
		"resolver, refused": {byForm, "unknown", http.StatusNotFound},
	} {
		server := httptest.NewServer(wrap(t, newTenants(), test.resolver, middleware.Config{}, func(_ http.ResponseWriter, r *http.Request) { read(r) }))
		r := upload(t, server.URL, test.tenant)
		response, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		server.Close() // which waits for the request to end
		if kept, err := os.ReadDir(files); err != nil || len(kept) != 0 || response.StatusCode != test.want {
			t.Errorf("%s: got %d, and %d files are left, %v", name, response.StatusCode, len(kept), err)
		}
	}
}

// upload is a request with a file in a form.
func upload(t *testing.T, address, tenant string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	field := parts.WriteField("tenant", tenant)
	file, err := parts.CreateFormFile("file", "big")
	if err != nil || field != nil {
		t.Fatal(err, field)
	}
	if _, err := file.Write(make([]byte, 11<<20)); err != nil { // 10 MB stay in memory in any case
		t.Fatal(err)
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, &body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", parts.FormDataContentType())
	r.Header.Set(middleware.HeaderName, tenant)
	return r
}
