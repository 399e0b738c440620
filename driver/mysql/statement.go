package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// The meanings that an error of this package can have beside those of package
// tenancy. Test for them with [errors.Is].
var (
	// ErrUnqualified means that a statement of a tenant with a schema does not say
	// whose tables it names, and was not sent: it would have reached the shared
	// ones. Write `tenancy_tenant`.`orders`, or `tenancy_global`.`countries`.
	ErrUnqualified = errors.New("mysql: write `tenancy_tenant` or `tenancy_global` before the tables of a tenant with a schema")

	// ErrRefused means that the SQL would leave its tenant behind, or something
	// of it on the connection, and was not sent. The package comment lists what is
	// refused.
	ErrRefused = errors.New("mysql: not on a connection that tenants share")
)

const (
	tenantTables = "`" + schema.TenantTables + "`."
	globalTables = "`" + schema.GlobalTables + "`."
)

// statement returns the text that may be sent for a query under ctx.
func statement(ctx context.Context, query string) (string, error) {
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		return "", fmt.Errorf("mysql: nothing was sent: %w", err)
	}
	statements, unqualified, err := look(query, !scope.System())
	if err != nil {
		return "", err
	}
	tenant := scope.Tenant()
	if tenant.Isolation != tenancy.IsolationSchema {
		return query, nil
	}
	name := tenant.Placement.Schema
	switch reason := unusable(name); {
	case reason != "":
		return "", fmt.Errorf("mysql: %w: %s: Placement.Schema %s", tenancy.ErrInvalidPlacement, tenant, reason)
	case statements > 1:
		return "", fmt.Errorf("%w: several statements in one text; send them one by one", ErrRefused)
	case unqualified && !strings.Contains(query, tenantTables) && !strings.Contains(query, globalTables):
		return "", ErrUnqualified
	}
	// The global ones first: what is put in for the tenant is not looked at again.
	query = strings.ReplaceAll(query, globalTables, "")
	return strings.ReplaceAll(query, tenantTables, quote(name)+"."), nil
}

// longestName is the longest name of a database in characters.
const longestName = 64

// unusable says why a schema cannot be a tenant's own, "" if it can. It is a
// second look: the registry has given the name.
func unusable(name string) string {
	switch {
	case name == "":
		return "is empty"
	case utf8.RuneCountInString(name) > longestName:
		return "is longer than 64 characters"
	case !utf8.ValidString(name) || strings.ContainsFunc(name, notInName):
		return "has characters that a name cannot have here"
	case strings.HasSuffix(name, " "):
		return "ends with a space" // which is not part of the name
	case strings.HasPrefix(name, "#mysql50#"):
		return "is the path of a directory" // as the server reads it
	case slices.Contains(reserved(), strings.ToLower(name)):
		return "is reserved"
	}
	return ""
}

func reserved() []string {
	return []string{
		"information_schema", "mysql", "ndbinfo", "performance_schema", "sys",
		schema.TenantTables, schema.GlobalTables,
	}
}

// notInName is for what the server does not take, or takes for a question mark,
// and for what would end a literal or a comment that a name is replaced in.
func notInName(r rune) bool {
	return r < ' ' || r == 0x7f || r > 0xffff || strings.ContainsRune(`'"\/`, r)
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
