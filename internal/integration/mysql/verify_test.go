package mysql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

// TestVerifyRefusesWhatLeaks makes a table that ent made ignore case, as one made
// by hand does, and mends it by the statement that Verify names.
func TestVerifyRefusesWhatLeaks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	acme := tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationShared}
	other := tenancy.Tenant{ID: "Acme", Isolation: tenancy.IsolationShared}
	must(t, w.client.Memo.Create().SetText("of Acme").Exec(as(t, other)))
	// What acme is shown, which is what Verify is there for.
	shown := func() []string { return w.client.Memo.Query().Select("text").StringsX(as(t, acme)) }

	must(t, mysql.Verify(t.Context(), w.db, migrate.Tenancy))
	if texts := shown(); len(texts) > 0 {
		t.Errorf("acme sees %q in the table that ent made", texts)
	}

	admin := open(t, w.dsn)
	run(t, admin, "ALTER TABLE memos CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	if texts := shown(); !slices.Equal(texts, []string{"of Acme"}) {
		t.Errorf("acme sees %q where case is ignored: what is Verify for?", texts)
	}
	found := problems(t, mysql.Verify(t.Context(), w.db, migrate.Tenancy))
	const what = "table `memos`: column `tenant_id` has the collation utf8mb4_general_ci, which takes different ids for equal: "
	if len(found) != 1 || !strings.HasPrefix(found[0], what) {
		t.Fatalf("Verify found %q", found)
	}

	run(t, admin, strings.TrimPrefix(found[0], what))
	must(t, mysql.Verify(t.Context(), w.db, migrate.Tenancy))
	if texts := shown(); len(texts) > 0 {
		t.Errorf("acme sees %q in the table that was mended", texts)
	}
}

// TestVerifyColumns has a table for each column that somebody may have made.
func TestVerifyColumns(t *testing.T) {
	t.Parallel()
	const loosely = "has the collation %s, which takes different ids for equal"
	db := open(t, servers.MariaDB(t))
	type column struct {
		is                    schema.ColumnType
		column, wrong, mended string
	}
	columns := []column{
		{schema.String, "varchar(255) COLLATE utf8mb4_bin NOT NULL", "", ""},
		{schema.String, "varchar(36) COLLATE ascii_bin NOT NULL", "", ""},
		{schema.String, "varchar(255) CHARACTER SET binary NOT NULL", "", ""},
		{schema.String, "varbinary(255) NOT NULL", "", ""},
		{
			schema.String, "varchar(100) COLLATE utf8mb4_unicode_ci NOT NULL",
			fmt.Sprintf(loosely, "utf8mb4_unicode_ci"), "varchar(100) COLLATE utf8mb4_bin NOT NULL",
		},
		{
			schema.String, "text COLLATE latin1_general_cs NOT NULL", // which has orders of its own for accents
			fmt.Sprintf(loosely, "latin1_general_cs"), "text COLLATE utf8mb4_bin NOT NULL",
		},
		{
			schema.String, "char(36) COLLATE ascii_general_ci",
			fmt.Sprintf(loosely, "ascii_general_ci") + ", and may be null", "char(36) COLLATE utf8mb4_bin NOT NULL",
		},
		{schema.String, "varchar(36) COLLATE ascii_bin", "may be null", "varchar(36) COLLATE ascii_bin NOT NULL"},
		{schema.String, "varbinary(255)", "may be null", "varbinary(255) NOT NULL"},
		{schema.UUID, "char(36) COLLATE utf8mb4_general_ci NOT NULL", "", ""},
		{schema.UUID, "binary(16) NOT NULL", "", ""},
		{schema.UUID, "char(36) COLLATE ascii_general_ci", "may be null", "char(36) COLLATE ascii_general_ci NOT NULL"},
		{schema.Int64, "int unsigned NOT NULL", "", ""},
		{schema.Int64, "bigint NOT NULL", "", ""},
		{schema.Int64, "bigint", "may be null", "bigint NOT NULL"},
	}
	if servers.IsMariaDB(t, db) {
		columns = append(columns,
			column{schema.String, "varchar(255) COLLATE utf8mb4_nopad_bin NOT NULL", "", ""},
			column{schema.UUID, "uuid NOT NULL", "", ""})
	} else {
		columns = append(columns,
			column{schema.String, "varchar(255) COLLATE utf8mb4_0900_bin NOT NULL", "", ""},
			column{
				schema.String, "varchar(255) COLLATE utf8mb4_0900_ai_ci NOT NULL", // where nobody says any
				fmt.Sprintf(loosely, "utf8mb4_0900_ai_ci"), "varchar(255) COLLATE utf8mb4_bin NOT NULL",
			})
	}
	var m schema.Metadata
	var want []string
	for i, test := range columns {
		name := fmt.Sprintf("t`%d", i)
		quoted := "`" + strings.ReplaceAll(name, "`", "``") + "`"
		// Other columns may be as they like; and no name of a column has a case.
		run(t, db, "CREATE TABLE "+quoted+" (id int, label varchar(9) COLLATE utf8mb4_general_ci, Org_ID "+test.column+")")
		m.Tables = append(m.Tables, schema.Table{Name: name, TenantColumn: "org_id", ColumnType: test.is})
		if test.wrong != "" {
			want = append(want, fmt.Sprintf("table %s: column `Org_ID` %s: ALTER TABLE %[1]s MODIFY `Org_ID` %[3]s", quoted, test.wrong, test.mended))
		}
	}
	found := problems(t, mysql.Verify(t.Context(), db, m))
	for i := range found {
		found[i] = strings.ReplaceAll(found[i], "bigint(20)", "bigint") // MariaDB says how wide it is shown
	}
	if !slices.Equal(found, want) {
		t.Errorf("Verify found\n%s\nwant\n%s", strings.Join(found, "\n"), strings.Join(want, "\n"))
	}
	for _, problem := range found {
		_, mend, _ := strings.Cut(problem, ": ALTER")
		run(t, db, "ALTER"+mend)
	}
	must(t, mysql.Verify(t.Context(), db, m))
}

// TestVerifyTypes shows why a column of another type is refused.
func TestVerifyTypes(t *testing.T) {
	t.Parallel()
	db := open(t, servers.MariaDB(t))
	run(t, db, "CREATE TABLE numbers (tenant_id bigint NOT NULL)")
	run(t, db, "CREATE TABLE texts (tenant_id varchar(9) COLLATE utf8mb4_bin NOT NULL)")
	run(t, db, "INSERT INTO numbers VALUES (1)")
	run(t, db, "INSERT INTO texts VALUES ('1x')")
	if got := names(t, db, "SELECT tenant_id FROM numbers WHERE tenant_id = '1x' UNION SELECT tenant_id FROM texts WHERE tenant_id = 1"); len(got) != 2 {
		t.Errorf("got %q", got)
	}
	table := func(name string, is schema.ColumnType) schema.Table {
		return schema.Table{Name: name, TenantColumn: "tenant_id", ColumnType: is}
	}
	m := schema.Metadata{Tables: []schema.Table{table("numbers", schema.String), table("texts", schema.Int64), table("numbers", schema.UUID)}}
	found := problems(t, mysql.Verify(t.Context(), db, m))
	if len(found) != 3 || !strings.Contains(found[0], "is bigint") || !strings.Contains(found[0], ", and tenants' ids are string") || !strings.Contains(found[1], "is varchar(9), and tenants' ids are int64") {
		t.Errorf("Verify found %q", found)
	}
}

// TestVerifyLooksAtNothingElse has tables that are not in the connection's
// database, or go by another name there.
func TestVerifyLooksAtNothingElse(t *testing.T) {
	t.Parallel()
	db, other := open(t, servers.MariaDB(t)), open(t, servers.MariaDB(t))
	const columns = " (tenant_id varchar(9) COLLATE utf8mb4_general_ci)"
	m := schema.Metadata{Tables: []schema.Table{{Name: "Notes", TenantColumn: "tenant_id", ColumnType: schema.String}}}
	run(t, other, "CREATE TABLE Notes"+columns)
	run(t, db, "CREATE TABLE `notes too`"+columns)
	must(t, mysql.Verify(t.Context(), db, m))

	run(t, db, "CREATE TABLE notes"+columns)
	folded := names(t, db, "SELECT @@lower_case_table_names")[0] != "0" // to this server it is the same name
	found := problems(t, mysql.Verify(t.Context(), db, m))
	if (len(found) == 1 && strings.HasPrefix(found[0], "table `notes`: ")) != folded {
		t.Errorf("Verify found %q", found)
	}
}

func TestVerifyThatFindsNothingOut(t *testing.T) {
	t.Parallel()
	db := open(t, servers.MariaDB(t))
	if err := mysql.Verify(t.Context(), db, schema.Metadata{}); err == nil || errors.Is(err, mysql.ErrUnsafe) {
		t.Errorf("no tables: %v", err)
	}
	must(t, db.Close())
	if err := mysql.Verify(t.Context(), db, migrate.Tenancy); err == nil || errors.Is(err, mysql.ErrUnsafe) {
		t.Errorf("no connection: %v", err)
	}
}

// problems are the lines of what is unsafe.
func problems(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	if !errors.Is(err, mysql.ErrUnsafe) {
		t.Fatal(err)
	}
	return strings.Split(err.Error(), "\n")[1:]
}
