package postgres_test

import (
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	isolationmigrate "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestDatabaseTenantInTheHome asks for global entities as a tenant with a database
// of its own, and on the way for the rows of those who share the home's tables.
func TestDatabaseTenantInTheHome(t *testing.T) {
	t.Parallel()
	home, own := servers.Postgres(t), servers.Postgres(t)
	tenants, _, err := driver.SplitTables(isolationmigrate.Tables, isolationmigrate.Tenancy)
	must(t, err)
	system, err := tenancy.ScopeFromContext(tenancy.System(t.Context(), "migration"))
	must(t, err)
	must(t, isolationmigrate.Create(t.Context(), isolationmigrate.NewSchema(entsql.OpenDB(dialect.Postgres, openURL(t, home, postgres.Config{Fallback: system}))), isolationmigrate.Tables))
	must(t, isolationmigrate.Create(t.Context(), isolationmigrate.NewSchema(entsql.OpenDB(dialect.Postgres, openURL(t, own, postgres.Config{Fallback: system}))), tenants))
	db := openURL(t, home, postgres.Config{})
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, db), driver.Config{Databases: driver.Databases{Open: postgres.Databases{}.Open}})
	must(t, err)
	defer func() { must(t, drv.Close()) }()
	client := ent.NewClient(ent.TenancyDriver(drv))
	shared := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "shared", Isolation: tenancy.IsolationShared})
	alone := tenancy.NewContext(t.Context(), tenancy.Tenant{
		ID: "alone", Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(own)},
	})
	client.Memo.Create().SetText("of shared").ExecX(shared)
	client.Memo.Create().SetText("of alone").ExecX(alone)
	client.Country.Create().SetCode("CL").ExecX(tenancy.System(t.Context(), "test"))

	if codes := client.Country.Query().Select("code").StringsX(alone); len(codes) != 1 {
		t.Errorf("alone sees the countries %q", codes)
	}
	texts, err := client.Country.Query().Modify(func(s *entsql.Selector) {
		memos := entsql.Table("memos").As("others")
		s.Join(memos).OnP(entsql.ExprP("1 = 1")).Select(memos.C("text"))
	}).Strings(alone)
	if wantErr(t, err, tenancy.ErrCrossTenant); len(texts) > 0 {
		t.Errorf("alone sees %q", texts)
	}
	_, err = client.Country.Query().Where(func(s *entsql.Selector) {
		s.Where(entsql.ExprP("EXISTS (SELECT 1 FROM memos WHERE text = 'of shared')"))
	}).Count(alone)
	wantErr(t, err, tenancy.ErrCrossTenant)
	_, err = client.ExecContext(alone, `UPDATE memos SET text = 'taken' WHERE EXISTS (SELECT 1 FROM "tenancy_global"."countries")`)
	wantErr(t, err, tenancy.ErrCrossTenant)
	_, err = db.ExecContext(alone, "UPDATE memos SET text = 'taken'") // past ent, on the home's pool
	wantErr(t, err, tenancy.ErrCrossTenant)
	if text := client.Memo.Query().OnlyX(shared).Text; text != "of shared" {
		t.Errorf("the shared tenant's memo is %q now", text)
	}
}
