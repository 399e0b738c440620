package mysql_test

import (
	"context"
	"errors"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
)

// stub is a driver that keeps the last text, and can do no more than it must.
type stub struct {
	dialect.Driver
	name, sent string
}

func (s *stub) Dialect() string { return s.name }

func (s *stub) Exec(_ context.Context, query string, _, _ any) error {
	s.sent = query
	return nil
}

func in(t *testing.T, schema string) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{
		ID: "a", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: schema},
	})
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ schema, query, want string }{
		{"a", "SELECT * FROM `tenancy_tenant`.`b`", "SELECT * FROM `a`.`b`"},
		{"a`b", "`tenancy_tenant`.`tenancy_tenant`.c", "`a``b`.`a``b`.c"},
		{"a", "`tenancy_tenant`.`b` JOIN `tenancy_global`.`c`", "`a`.`b` JOIN `c`"},
		{"a", "SELECT 1 FROM `tenancy_global`.c", "SELECT 1 FROM c"},
		{"a", "`tenancy_tenant`.b AS `tenancy_tenant`", "`a`.b AS `tenancy_tenant`"},
		{"a", "SELECT '`tenancy_tenant`.' FROM `tenancy_tenant`.b", "SELECT '`a`.' FROM `a`.b"},
		{"a", "SAVEPOINT `x`", "SAVEPOINT `x`"},
	} {
		s := &stub{name: dialect.MySQL}
		if err := mysql.Schemas(s).Exec(in(t, test.schema), test.query, []any{}, nil); err != nil || s.sent != test.want {
			t.Errorf("%q in %q: sent %q, %v; want %q", test.query, test.schema, s.sent, err, test.want)
		}
	}
}

// TestOtherScopes has package driver's text pass as it is.
func TestOtherScopes(t *testing.T) {
	t.Parallel()
	shared := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a", Isolation: tenancy.IsolationShared})
	for _, ctx := range []context.Context{shared, tenancy.System(t.Context(), "test")} {
		s := &stub{name: dialect.MySQL}
		if err := mysql.Schemas(s).Exec(ctx, "SELECT * FROM b", []any{}, nil); err != nil || s.sent != "SELECT * FROM b" {
			t.Errorf("sent %q, %v", s.sent, err)
		}
	}
}

func TestHomeWithoutOptionalMethods(t *testing.T) {
	t.Parallel()
	d, ctx := mysql.Schemas(&stub{name: dialect.MySQL}), in(t, "a")
	const query = "SELECT * FROM `tenancy_tenant`.b"
	if _, err := d.ExecContext(ctx, query); err == nil {
		t.Error("ExecContext: no error")
	}
	if _, err := d.QueryContext(ctx, query); err == nil { //nolint:rowserrcheck,sqlclosecheck // there are none
		t.Error("QueryContext: no error")
	}
	if _, err := d.BeginTx(ctx, nil); err == nil {
		t.Error("BeginTx: no error")
	}
}

func TestSwitches(t *testing.T) {
	t.Parallel()
	for _, isolation := range tenancy.Isolations() {
		if got, want := mysql.Schemas(&stub{name: dialect.MySQL}).Switches(isolation), isolation == tenancy.IsolationSchema; got != want {
			t.Errorf("MySQL, %s: %t", isolation, got)
		}
		if mysql.Schemas(&stub{name: dialect.SQLite}).Switches(isolation) {
			t.Errorf("SQLite, %s", isolation)
		}
	}
}

func TestOpenNeedsAURL(t *testing.T) {
	t.Parallel()
	for _, tenant := range []tenancy.Tenant{{ID: "a", Isolation: tenancy.IsolationDatabase}, {ID: "a", Isolation: tenancy.IsolationShared}} {
		if _, err := mysql.Open(nil)(t.Context(), tenant); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("%s: %v", tenant.Isolation, err)
		}
	}
}
