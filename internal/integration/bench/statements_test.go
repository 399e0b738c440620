package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
)

// statements returns how many statements of each kind the library's variant
// sends for what do does.
func statements(t *testing.T, rows int, do func(context.Context, shop) error) map[string]int {
	t.Helper()
	sent := make(map[string]int)
	s := openTenancy(&stub{rows: rows, seen: func(query string) { sent[kind(query)]++ }})
	if err := do(tenancyContext(t.Context()), s); err != nil {
		t.Fatal(err)
	}
	return sent
}

// kind is the verb of a statement, or "check" for the question whose rows some
// ids are, which is the only one that counts users.
func kind(query string) string {
	if strings.HasPrefix(query, "SELECT COUNT(*) FROM `users`") {
		return "check"
	}
	verb, _, _ := strings.Cut(query, " ")
	return verb
}

// TestStatements counts what a write costs in statements: one to check the
// rows that it links to, for any number of them, and none without links.
func TestStatements(t *testing.T) {
	type test struct {
		name string
		rows int
		do   func(context.Context, shop) error
		want map[string]int
	}
	tests := []test{
		{"create", 1, func(ctx context.Context, s shop) error { return s.create(ctx) }, map[string]int{"INSERT": 1}},
		{"create with edge", 1, func(ctx context.Context, s shop) error { return s.createOwned(ctx, 1) }, map[string]int{"check": 1, "INSERT": 1}},
		{"update one", 1, func(ctx context.Context, s shop) error { return s.updateOne(ctx, 1) }, map[string]int{"UPDATE": 1, "SELECT": 1}},
		{"delete one", 1, func(ctx context.Context, s shop) error { return s.deleteOne(ctx, 1) }, map[string]int{"DELETE": 1}},
	}
	for _, n := range []int{1, 10, 1000} {
		tests = append(
			tests,
			test{fmt.Sprintf("bulk create of %d", n), n, func(ctx context.Context, s shop) error { return s.createBulk(ctx, n) }, map[string]int{"INSERT": 1}},
			test{fmt.Sprintf("bulk create of %d with edges", n), n, func(ctx context.Context, s shop) error { return s.createOwnedBulk(ctx, n) }, map[string]int{"check": 1, "INSERT": 1}},
		)
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := statements(t, tt.rows, tt.do); fmt.Sprint(got) != fmt.Sprint(tt.want) {
				t.Errorf("sent %v, want %v", got, tt.want)
			}
		})
	}
}
