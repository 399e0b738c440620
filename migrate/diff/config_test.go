package diff_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/schema"
)

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	whole := func() diff.Config {
		return diff.Config{
			Dir: t.TempDir(), Dialect: dialect.SQLite, Dev: &sql.DB{},
			Tables:  []*entschema.Table{{Name: "orders"}},
			Tenancy: schema.Metadata{Tables: []schema.Table{{Name: "orders"}}},
		}
	}
	for field, spoil := range map[string]func(*diff.Config){
		"Dir":     func(c *diff.Config) { c.Dir = "" },
		"Dialect": func(c *diff.Config) { c.Dialect = "oracle" },
		"Dev":     func(c *diff.Config) { c.Dev = nil },
		"Tables":  func(c *diff.Config) { c.Tables = nil },
		"Tenancy": func(c *diff.Config) { c.Tenancy = schema.Metadata{} },
		"Roles":   func(c *diff.Config) { c.Roles = []string{"shop"} },
	} {
		config := whole()
		spoil(&config)
		if _, err := diff.Named(context.Background(), config, "init"); err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	for _, name := range []string{"", "../away", `a\b`, "-check", "--help", ".hidden", "add orders", "add\norders", "a:b", "a*"} {
		if _, err := diff.Named(context.Background(), whole(), name); err == nil || !strings.Contains(err.Error(), "name of a migration") {
			t.Errorf("the name %q gives %v", name, err)
		}
	}
}
