package lint_test

import (
	"slices"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/lint"
)

// TestTenantColumnStaysRequired has what lets a row be nobody's, or somebody's who was not
// named. That of other columns is not looked at.
func TestTenantColumnStaysRequired(t *testing.T) {
	t.Parallel()
	testAll(t, dialect.Postgres, []one{
		{`ALTER TABLE t ALTER COLUMN tenant_id DROP NOT NULL`, lint.Isolation},
		{`ALTER TABLE t ALTER "tenant_id" DROP NOT NULL`, lint.Isolation},
		{`ALTER TABLE t ADD COLUMN n int, ALTER TENANT_ID DROP NOT NULL`, lint.Isolation},
		{`ALTER TABLE t ALTER COLUMN tenant_id SET DEFAULT 'acme'`, lint.Isolation},
		{`ALTER TABLE t ALTER COLUMN tenant_id SET DEFAULT NULL`, ""},
		{`ALTER TABLE t ALTER COLUMN tenant_id DROP DEFAULT`, ""},
		{`ALTER TABLE t ALTER COLUMN n SET DEFAULT 'acme'`, ""},
		{`ALTER TABLE t ADD COLUMN tenant_id text`, ""},
		{`ALTER TABLE t ADD COLUMN tenant_id text NOT NULL DEFAULT 'acme'`, lint.Isolation},
		{"-- tenancy:allow isolation until all write the column\nALTER TABLE t ALTER COLUMN tenant_id SET DEFAULT 'acme'", ""},
	})
	testAll(t, dialect.MySQL, []one{
		{"ALTER TABLE `t` ALTER COLUMN `tenant_id` SET DEFAULT 'acme'", lint.Isolation},
		{"ALTER TABLE `t` ALTER `Tenant_ID` SET DEFAULT ('acme')", lint.Isolation},
		{"ALTER TABLE `t` ALTER `n` SET DEFAULT 'acme'", ""},
		{"ALTER TABLE `t` ADD `tenant_id` varchar(255) NULL", ""},
	})
	testAll(t, dialect.SQLite, []one{
		{"ALTER TABLE `t` ADD COLUMN `tenant_id` text NULL", ""},
		{"ALTER TABLE `t` ADD COLUMN `tenant_id` text NOT NULL DEFAULT 'acme'", lint.Isolation},
	})
}

// TestTenantColumnRestated has MySQL's MODIFY and CHANGE of a column that the files have made.
func TestTenantColumnRestated(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE t (tenant_id varchar(255) NOT NULL, n int NOT NULL);"
	for text, want := range map[string][]lint.Rule{
		"ALTER TABLE t MODIFY tenant_id varchar(255)":                         {lint.Isolation},
		"ALTER TABLE t MODIFY COLUMN tenant_id varchar(255) NULL":             {lint.Isolation},
		"ALTER TABLE t CHANGE tenant_id tenant_id varchar(255)":               {lint.Isolation},
		"ALTER TABLE t MODIFY tenant_id varchar(255) NOT NULL DEFAULT 'acme'": {lint.Isolation},
		"ALTER TABLE t MODIFY tenant_id varchar(255) NOT NULL COMMENT 'x'":    nil,
		"ALTER TABLE t MODIFY n int NULL DEFAULT 1":                           nil,
	} {
		if got := lintTexts(t, dialect.MySQL, table, text); !slices.Equal(rules(got), want) {
			t.Errorf("%s: want %q, got %v", text, want, got)
		}
	}
}

// TestNamedTenantColumns has a project whose tenant columns have names of their own.
func TestNamedTenantColumns(t *testing.T) {
	t.Parallel()
	for column, want := range map[string]int{"company_id": 1, "org": 1, "tenant_id": 0} {
		files := []migrate.File{migrate.NewLocalFile("1_file.sql", []byte("ALTER TABLE t ALTER COLUMN "+column+" DROP NOT NULL;"))}
		got, err := lint.Files(files, lint.Config{Dialect: dialect.Postgres, TenantColumns: []string{"company_id", "org"}})
		if err != nil || len(got) != want {
			t.Errorf("%s: want %d, got %v, %v", column, want, got, err)
		}
	}
}
