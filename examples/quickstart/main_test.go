package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The tests of this package are not parallel: ent's Schema.Create writes to
// variables of the generated package.
func TestTour(t *testing.T) {
	var out bytes.Buffer
	if err := run(t.Context(), &out, "127.0.0.1:0", false); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	for _, want := range []string{
		"acme    sees 20 orders of map[ann@acme.test:20]",
		"globex  sees 20 orders of map[ann@globex.test:20]",
		"globex        tries to delete it                      -> 404 Not Found",
		"tenancy: no tenant in context",
		"Nobody saw or touched another tenant's rows.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the tour does not say %q:\n%s", want, out.String())
		}
	}
}

// TestServe sends the requests that -serve prints, as it prints them.
func TestServe(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, in := io.Pipe()
	done := make(chan error, 1)
	go func() {
		done <- run(ctx, in, "127.0.0.1:0", true)
		_ = in.Close()
	}()

	var got []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		if strings.Contains(line, "curl") {
			got = append(got, curl(t, line))
		}
		if strings.HasPrefix(line, "Stop") {
			stop()
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	want := []string{"201", "201", "200 anvil", "200 dome", "404", "200 FR"}
	if len(got) != len(want) {
		t.Fatalf("%d curl lines, want %d", len(got), len(want))
	}
	for i := range want {
		for word := range strings.FieldsSeq(want[i]) {
			if !strings.Contains(got[i], word) {
				t.Errorf("request %d answered %q, want %q", i, got[i], want[i])
			}
		}
	}
	if strings.Contains(got[2], "dome") || strings.Contains(got[3], "anvil") {
		t.Errorf("tenants see each other's orders: %q, %q", got[2], got[3])
	}
}

// curl does what the command would do.
func curl(t *testing.T, line string) string {
	t.Helper()
	find := func(pattern string) string {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(line); m != nil {
			return m[1]
		}
		return ""
	}
	method, body := http.MethodGet, find(`-d '([^']*)'`)
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(t.Context(), method, find(`(http://\S+)`), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if tenant := find(`-H 'X-Tenant-ID: (\w+)'`); tenant != "" {
		r.Header.Set("X-Tenant-ID", tenant)
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.Status + " " + string(text)
}
