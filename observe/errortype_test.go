package observe_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/observe"
)

// known are the errors of package tenancy. Whoever adds one there is told by the
// test below to add it here and to the table of ErrorType.
func known() map[string]error {
	return map[string]error{
		"ErrNoTenant":           tenancy.ErrNoTenant,
		"ErrNoReason":           tenancy.ErrNoReason,
		"ErrInactive":           tenancy.ErrInactive,
		"ErrUnauthenticated":    tenancy.ErrUnauthenticated,
		"ErrCrossTenant":        tenancy.ErrCrossTenant,
		"ErrGlobalWrite":        tenancy.ErrGlobalWrite,
		"ErrNotInstalled":       tenancy.ErrNotInstalled,
		"ErrNotFound":           tenancy.ErrNotFound,
		"ErrExists":             tenancy.ErrExists,
		"ErrInvalidID":          tenancy.ErrInvalidID,
		"ErrInvalidIdentifier":  tenancy.ErrInvalidIdentifier,
		"ErrInvalidTenant":      tenancy.ErrInvalidTenant,
		"ErrInvalidPlacement":   tenancy.ErrInvalidPlacement,
		"ErrNotProvisioned":     tenancy.ErrNotProvisioned,
		"ErrBehind":             tenancy.ErrBehind,
		"ErrForeignNamespace":   tenancy.ErrForeignNamespace,
		"ErrInvalidTransition":  tenancy.ErrInvalidTransition,
		"ErrConflict":           tenancy.ErrConflict,
		"ErrTooManyTenants":     tenancy.ErrTooManyTenants,
		"ErrInvalidQuery":       tenancy.ErrInvalidQuery,
		"ErrUnavailable":        tenancy.ErrUnavailable,
		"ErrInvalidLimit":       tenancy.ErrInvalidLimit,
		"ErrLimiterUnavailable": tenancy.ErrLimiterUnavailable,
		"ErrQuotaExceeded":      tenancy.ErrQuotaExceeded,
		"ErrInvalidEntry":       tenancy.ErrInvalidEntry,
		"ErrNotRecorded":        tenancy.ErrNotRecorded,
		"ErrInvalidEnvelope":    tenancy.ErrInvalidEnvelope,
		"ErrUnknownEnvelopeKey": tenancy.ErrUnknownEnvelopeKey,
		"ErrEnvelopeExpired":    tenancy.ErrEnvelopeExpired,
	}
}

// ErrorType knows every error that package tenancy declares, by its own name.
func TestErrorTypeKnowsEveryErrorOfTenancy(t *testing.T) {
	t.Parallel()
	known, declared := known(), errorsDeclared(t, "..")
	if len(declared) < 20 {
		t.Fatalf("found %v, which cannot be all: is the package somewhere else?", declared)
	}
	for _, name := range declared {
		err, ok := known[name]
		if !ok {
			t.Errorf("tenancy.%s is not in known: add it there, and to the table of ErrorType", name)
			continue
		}
		if got, want := observe.ErrorType(fmt.Errorf("somewhere: %w", err)), labelOf(name); got != want {
			t.Errorf("tenancy.%s: got %q, want %q", name, got, want)
		}
	}
}

// errorsDeclared returns the names of the variables of a package that begin with Err.
func errorsDeclared(t *testing.T, dir string) (names []string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, errorsOf(file)...)
	}
	return names
}

func errorsOf(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		vars, ok := decl.(*ast.GenDecl)
		if !ok || vars.Tok != token.VAR {
			continue
		}
		for _, spec := range vars.Specs {
			if value, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range value.Names {
					if strings.HasPrefix(name.Name, "Err") {
						names = append(names, name.Name)
					}
				}
			}
		}
	}
	return names
}

// labelOf makes "cross_tenant" of "ErrCrossTenant".
func labelOf(name string) string {
	words := regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(strings.TrimPrefix(name, "Err"), "${1}_$2")
	return strings.ToLower(words)
}

// What says what it is about comes before what it wraps.
func TestErrorTypeOfSeveral(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]error{
		"not_recorded":        fmt.Errorf("%w: %w", tenancy.ErrNotRecorded, tenancy.ErrUnavailable),
		"invalid_entry":       fmt.Errorf("%w: %w", tenancy.ErrInvalidEntry, tenancy.ErrInvalidID),
		"invalid_tenant":      fmt.Errorf("%w: %w", tenancy.ErrInvalidTenant, tenancy.ErrInvalidLimit),
		"limiter_unavailable": errors.Join(tenancy.ErrUnavailable, tenancy.ErrLimiterUnavailable),
	} {
		if got := observe.ErrorType(err); got != want {
			t.Errorf("%v: got %q, want %q", err, got, want)
		}
	}
}

// kindError says itself of which kind it is.
type kindError string

func (e kindError) Error() string     { return "a row: hunter2" }
func (e kindError) ErrorType() string { return string(e) }

// An error may say its kind itself, in one word and nothing that could be a value.
func TestErrorTypeThatAnErrorSays(t *testing.T) {
	t.Parallel()
	for said, want := range map[kindError]string{
		"rate_limited": "rate_limited", "": "other", "Tenant acme": "other", "acme@example.com": "other", "42": "other",
		kindError(strings.Repeat("a", 33)): "other",
	} {
		if got := observe.ErrorType(fmt.Errorf("gate: %w", said)); got != want {
			t.Errorf("%q: got %q, want %q", string(said), got, want)
		}
	}
	if got := observe.ErrorType(fmt.Errorf("%w: %w", kindError("mine"), tenancy.ErrNotFound)); got != "not_found" {
		t.Errorf("an error of tenancy's is %q", got)
	}
}
