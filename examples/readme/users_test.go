package main

import (
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/enttest"
)

func TestUsers(t *testing.T) {
	db, err := sql.Open("sqlite", "file:"+t.TempDir()+"/test.db?_pragma=foreign_keys(1)")
	if err != nil {
		t.Fatal(err)
	}
	client := enttest.NewClient(t, enttest.WithOptions(ent.Driver(entsql.OpenDB(dialect.SQLite, db))))
	defer client.Close()
	acme := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"})
	globex := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "globex"})
	client.User.Create().SetEmail("ada@example.com").ExecX(acme)
	if n := client.User.Query().CountX(globex); n != 0 {
		t.Errorf("globex sees %d users of acme", n)
	}
}
