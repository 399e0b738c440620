package lifecycle_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
)

// serve makes an account of MySQL that serves requests and has nothing else, and a
// keeper that grants to it.
func (w *world) serve() {
	w.t.Helper()
	if w.dialect != dialect.MySQL {
		return
	}
	name, password := strings.TrimSuffix(w.prefix, "_"), "Aa1-"+rand.Text()
	w.exec("CREATE USER '" + name + "'@'%' IDENTIFIED BY '" + password + "'")
	w.t.Cleanup(func() { w.exec("DROP USER '" + name + "'@'%'") })
	w.users = []string{name + "@%"}
	dsn := w.dsn.Clone()
	dsn.User, dsn.Passwd, dsn.DBName = name, password, ""
	w.app = open(w.t, "mysql", dsn.FormatDSN())
	w.rewire()
}

// served says why who serves requests cannot read a tenant's table.
func (w *world) served(t tenancy.Tenant) error {
	w.t.Helper()
	return w.serving(t, func(ctx context.Context, db *sql.DB, before string) error {
		var n int
		return db.QueryRowContext(ctx, "SELECT count(*) FROM "+before+"customers").Scan(&n)
	})
}

// serving lends the tables of a tenant as place does, to who serves requests.
func (w *world) serving(t tenancy.Tenant, do func(ctx context.Context, db *sql.DB, before string) error) error {
	w.t.Helper()
	ctx := tenancy.NewContext(w.t.Context(), t)
	if w.dialect != dialect.Postgres || w.isolation != tenancy.IsolationDatabase {
		return do(ctx, w.app, quoted(w.dialect, w.keeper.Name(t))+".")
	}
	u := *w.appURL
	u.Path = "/" + w.keeper.Name(t)
	db, err := sql.Open("pgx", u.String())
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	return do(ctx, db, "")
}

// onMySQL are its cells.
func onMySQL() []cell {
	return []cell{{dialect.MySQL, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationDatabase}}
}

// inGrant is a name as GRANT takes it on the server of the test.
func (w *world) inGrant(name string) string {
	w.t.Helper()
	var partial bool
	if err := w.db.QueryRowContext(w.t.Context(), "SELECT @@GLOBAL.partial_revokes").Scan(&partial); err != nil || !partial { // MariaDB has none
		name = strings.ReplaceAll(name, "_", `\_`)
	}
	return "`" + name + "`.*"
}

// account is who serves requests.
func (w *world) account() string { return "'" + strings.TrimSuffix(w.prefix, "_") + "'@'%'" }

// TestGrantsAreForOneDatabase, whose name has letters that can stand for any in a
// GRANT, and end with it. It is for servers with and without partial_revokes.
func TestGrantsAreForOneDatabase(t *testing.T) {
	in(t, onMySQL(), func(t *testing.T, w *world) {
		w.serve()
		l := w.lifecycle()
		tenant := w.provision(l, newTenant("acme"))
		if err := w.served(tenant); err != nil {
			t.Errorf("it is active: %v", err)
		}
		like := strings.ReplaceAll(w.keeper.Name(tenant), "_", "x")
		w.exec("CREATE DATABASE " + like)
		defer w.exec("DROP DATABASE " + like)
		if _, err := w.app.ExecContext(t.Context(), "USE "+like); err == nil {
			t.Error("who serves requests has got another database too")
		}
		w.eraseOne(l, tenant)
		if left := column(t, w.db, "SELECT table_schema FROM information_schema.schema_privileges WHERE grantee = ?", w.account()); len(left) > 0 {
			t.Errorf("grants are left: %q", left)
		}
	})
}

// TestMakeGrantsAfterADeath goes on with what a process has made that died at any
// message.
func TestMakeGrantsAfterADeath(t *testing.T) {
	in(t, onMySQL(), func(t *testing.T, w *world) {
		w.serve()
		for at, dead := 1, true; dead; at++ {
			tenant := tenancy.Tenant{ID: tenancy.ID(fmt.Sprint("acme", at)), Isolation: w.isolation}
			var err error
			if tenant.Placement, err = w.keeper.Plan(tenant); err != nil {
				t.Fatal(err)
			}
			dead = w.dies(at, func(dying namespace.Keeper) error {
				_, err := dying.Make(t.Context(), tenant, "")
				return err
			})
			if _, err := w.keeper.Make(t.Context(), tenant, ""); err != nil {
				t.Fatal(err)
			}
			if err := w.keeper.Verify(t.Context(), tenant); err != nil {
				t.Error(err)
			}
			if _, err := w.app.ExecContext(t.Context(), "USE "+quoted(w.dialect, w.keeper.Name(tenant))); err != nil {
				t.Errorf("message %d: %v", at, err)
			}
		}
	})
}

// TestVerifyLooksForGrants, wherever somebody may have them from.
func TestVerifyLooksForGrants(t *testing.T) {
	in(t, onMySQL(), func(t *testing.T, w *world) {
		w.serve()
		tenant := w.provision(w.lifecycle(), newTenant("acme"))
		on := w.inGrant(w.keeper.Name(tenant))
		verified := func(keeper namespace.Keeper, wanted bool, when string) {
			t.Helper()
			err := keeper.Verify(t.Context(), tenant)
			if (err == nil) != wanted || errors.Is(err, tenancy.ErrForeignNamespace) || errors.Is(err, tenancy.ErrNotProvisioned) {
				t.Errorf("%s: got %v", when, err)
			}
			if err != nil && !strings.Contains(err.Error(), "user \""+w.users[0]+"\" may not SELECT, INSERT, UPDATE, DELETE in database") {
				t.Errorf("%s: it does not say who lacks what: %v", when, err)
			}
		}
		verified(w.keeper, true, "as it was made")

		w.exec("REVOKE INSERT ON " + on + " FROM " + w.account())
		verified(w.keeper, false, "without INSERT")
		verified(w.blindKeeper(on), true, "by a keeper that cannot see it")

		w.exec("REVOKE SELECT, UPDATE, DELETE ON " + on + " FROM " + w.account())
		verified(w.keeper, false, "without any")

		w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO " + w.account())
		verified(w.keeper, true, "with grants in all databases")
		w.exec("REVOKE SELECT, INSERT, UPDATE, DELETE ON *.* FROM " + w.account())

		role := "r" + strings.TrimSuffix(w.prefix, "_")
		w.exec("CREATE ROLE " + role)
		defer w.exec("DROP ROLE " + role)
		w.exec("GRANT " + role + " TO " + w.account())
		verified(w.keeper, true, "with a role, which nobody looks into")
	})
}

// blindKeeper is a keeper whose account is not shown the grants of others.
func (w *world) blindKeeper(on string) namespace.Keeper {
	w.t.Helper()
	name, password := "b"+strings.TrimSuffix(w.prefix, "_"), "Aa1-"+rand.Text()
	w.exec("CREATE USER '" + name + "'@'%' IDENTIFIED BY '" + password + "'")
	w.t.Cleanup(func() { w.exec("DROP USER '" + name + "'@'%'") })
	w.exec("GRANT ALL ON " + on + " TO '" + name + "'@'%'")
	dsn := w.dsn.Clone()
	dsn.User, dsn.Passwd, dsn.DBName = name, password, ""
	keeper, err := w.newKeeper(open(w.t, "mysql", dsn.FormatDSN()))
	if err != nil {
		w.t.Fatal(err)
	}
	return keeper
}

// TestGrantsMakeNoAccount: on MariaDB with such an sql_mode a GRANT to an account that does not exist makes one without a password.
func TestGrantsMakeNoAccount(t *testing.T) {
	in(t, onMySQL(), func(t *testing.T, w *world) {
		name := strings.TrimSuffix(w.prefix, "_")
		w.exec("CREATE USER '" + name + "'@'10.0.%' IDENTIFIED BY 'Aa1-" + rand.Text() + "'")
		t.Cleanup(func() {
			w.exec("DROP USER IF EXISTS '" + name + "'@'%'")
			w.exec("DROP USER '" + name + "'@'10.0.%'")
		})
		w.users = []string{name + "@%"}
		for _, mode := range []string{"''", "'STRICT_TRANS_TABLES,ANSI_QUOTES'"} {
			dsn := w.dsn.Clone()
			dsn.Params = map[string]string{"sql_mode": mode}
			db := open(t, "mysql", dsn.FormatDSN())
			w.config = w.wire(db)
			w.keeper = w.config.Namespaces[w.isolation]
			l := w.lifecycle()
			tenant, err := l.Provision(t.Context(), newTenant("acme"))
			if err == nil || !strings.Contains(err.Error(), "user \""+w.users[0]+"\" does not exist") || !strings.Contains(err.Error(), "CREATE USER") {
				t.Errorf("with sql_mode %s: got %v", mode, err)
			}
			if _, err := w.keeper.(namespace.Spares).Spare(t.Context()); err == nil {
				t.Errorf("with sql_mode %s a spare was made", mode)
			}
			if made := column(t, w.db, "SELECT host FROM mysql.user WHERE user = ?", name); len(made) != 1 || made[0] != "10.0.%" {
				t.Fatalf("with sql_mode %s there are accounts on the hosts %q", mode, made)
			}
			var now string // who shares the pool has it as it was
			if err := db.QueryRowContext(t.Context(), "SELECT @@SESSION.sql_mode").Scan(&now); err != nil || strings.Contains(now, "NO_AUTO_CREATE_USER") {
				t.Errorf("sql_mode is %q, %v", now, err)
			}
			w.eraseOne(l, tenant)
			w.noneLeft()
		}

		w.users = []string{name + "@10.0.%"}
		w.config = w.wire(w.db)
		w.keeper = w.config.Namespaces[w.isolation]
		w.provision(w.lifecycle(), newTenant("acme"))
	})
}

// TestWhoServesIsNamedLater has spares, and a tenant whose provisioning has failed,
// from before anybody was to serve them.
func TestWhoServesIsNamedLater(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		w.serve()
		w.noDefaults()
		w.dirs = directory(t, w.dialect, "CREATE TABLE numbers (n serial PRIMARY KEY, label varchar(10))")
		roles, users := w.roles, w.users
		w.roles, w.users = nil, nil
		w.rewire()
		failing := func(c *manager.LifecycleConfig) {
			c.Verify = func(context.Context, tenancy.Tenant) error { return errDied }
		}
		begun, err := w.lifecycle(failing).Provision(t.Context(), newTenant("begun"))
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		w.filled(2)
		taken, err := w.lifecycle(failing).Provision(t.Context(), newTenant("taken"))
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}

		w.roles, w.users = roles, users
		w.rewire()
		l := w.lifecycle()
		for _, tenant := range []tenancy.Tenant{begun, taken} {
			if _, err := l.Resume(t.Context(), tenant.ID); err != nil {
				t.Errorf("%s: resuming: %v", tenant.Identifier, err)
			}
		}
		spare := w.provision(l, newTenant("spare"))
		if left := w.namespaces("tenancy_warm_" + w.prefix); w.dialect == dialect.Postgres && len(left) > 0 { // on MySQL it keeps its name
			t.Errorf("no spare was taken: %q", left)
		}
		for _, tenant := range []tenancy.Tenant{begun, taken, spare} {
			tenant, err := w.config.Store.ByID(t.Context(), tenant.ID)
			if err != nil {
				t.Fatal(err)
			}
			err = w.serving(tenant, func(ctx context.Context, db *sql.DB, before string) error {
				_, err := db.ExecContext(ctx, "INSERT INTO "+before+"numbers (label) VALUES ('one')")
				return err
			})
			if err := errors.Join(w.served(tenant), err); err != nil {
				t.Errorf("%s: who serves it: %v", tenant.Identifier, err)
			}
		}
	})
}

// TestNobodyWhoServesWritesTheRecordOfMigrations, neither of a tenant that was just made,
// with a spare and without, nor of one that is gone on with: one role serves all tenants.
func TestNobodyWhoServesWritesTheRecordOfMigrations(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}, {dialect.Postgres, tenancy.IsolationDatabase}}, func(t *testing.T, w *world) {
		stopped := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Verify = func(context.Context, tenancy.Tenant) error { return errDied }
		})
		resumed, err := stopped.Provision(t.Context(), newTenant("resumed"))
		if !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		w.onPlace(resumed, "GRANT UPDATE ON atlas_schema_revisions TO "+w.roles[0])
		if err := w.keeper.Verify(t.Context(), resumed); err == nil || !strings.Contains(err.Error(), "REVOKE ") {
			t.Errorf("what is left is not named: %v", err)
		}
		l := w.lifecycle()
		if resumed, err = l.Resume(t.Context(), resumed.ID); err != nil {
			t.Fatal(err)
		}
		fresh := w.provision(l, newTenant("fresh"))
		w.filled(1)
		for _, tenant := range []tenancy.Tenant{resumed, fresh, w.provision(l, newTenant("spare"))} {
			for _, statement := range []string{"UPDATE %s SET applied = 0", "DELETE FROM %s", "INSERT INTO %s SELECT * FROM %[1]s"} {
				err := w.serving(tenant, func(ctx context.Context, db *sql.DB, before string) error {
					_, err := db.ExecContext(ctx, fmt.Sprintf(statement, before+"atlas_schema_revisions"))
					return err
				})
				if err == nil || !strings.Contains(err.Error(), "42501") {
					t.Errorf("%s: %s: got %v", tenant.Identifier, statement, err)
				}
			}
			if err := errors.Join(w.keeper.Verify(t.Context(), tenant), w.served(tenant)); err != nil {
				t.Errorf("%s: %v", tenant.Identifier, err)
			}
			if _, err := w.config.Migrations.ApplyTo(t.Context(), tenant); err != nil {
				t.Errorf("%s: its owner: %v", tenant.Identifier, err)
			}
		}
	})
}

// onPlace executes a statement in a tenant's place on PostgreSQL, as its owner.
func (w *world) onPlace(t tenancy.Tenant, statement string) {
	w.t.Helper()
	u := *w.url
	if w.isolation == tenancy.IsolationDatabase {
		u.Path = "/" + w.keeper.Name(t)
	} else {
		u.RawQuery = url.Values{"search_path": {w.keeper.Name(t)}}.Encode()
	}
	if _, err := open(w.t, "pgx", u.String()).ExecContext(w.t.Context(), statement); err != nil {
		w.t.Fatal(err)
	}
}

// noDefaults has nobody get anything by default of what the owner makes on PostgreSQL.
func (w *world) noDefaults() {
	w.t.Helper()
	for _, role := range w.roles {
		for _, kind := range []string{"TABLES", "SEQUENCES", "SCHEMAS"} {
			w.exec("ALTER DEFAULT PRIVILEGES REVOKE ALL ON " + kind + " FROM " + role)
		}
	}
}

// rewire is for a process that names other roles.
func (w *world) rewire() {
	w.t.Helper()
	w.config = w.wire(w.db)
	w.keeper = w.config.Namespaces[w.isolation]
}
