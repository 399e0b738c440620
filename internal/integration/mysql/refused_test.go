package mysql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
)

// TestByHand sends SQL written by hand, and what must not be sent, to one world.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"unqualified":        unqualified,
		"qualified":          qualifiedByHand,
		"USE":                useIsRefusedForAll,
		"session":            sessionIsRefused,
		"refusals help":      refusalsHelp,
		"no session":         neighboursPass,
		"System scope":       systemScopePasses,
		"several statements": severalStatements,
		"no scope":           noScope,
		"unusable schema":    unusableSchema,
		"DSN is not shown":   dsnIsNotShown,
	} {
		t.Run(name, func(t *testing.T) { test(t, w) })
	}
}

// unqualified sends SQL written by hand that names the shared tables.
func unqualified(t *testing.T, w *world) {
	w.client.Memo.Delete().ExecX(as(t, w.shared))
	must(t, w.client.Memo.Create().SetText("of the shared tenant").Exec(as(t, w.shared)))
	ctx := as(t, w.one)
	tx, err := w.drv.Tx(ctx)
	must(t, err)
	for _, query := range []string{
		"SELECT text FROM memos", "DELETE FROM memos", "UPDATE memos SET text = 'taken'", "TRUNCATE memos",
		"SELECT text FROM tenancy_tenant.memos", "SELECT text FROM `memos`", "RELEASE_LOCK", "CALL fill()", "SELECT 1",
	} {
		sent := w.sent.during(func() {
			if _, err := w.drv.ExecContext(ctx, query); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q: %v", query, err)
			}
			if _, err := column(w.drv.QueryContext(ctx, query)); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q as a query: %v", query, err)
			}
			if err := tx.Exec(ctx, query, []any{}, nil); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q in a transaction: %v", query, err)
			}
		})
		if len(sent) > 0 {
			t.Errorf("%q was sent as %q", query, sent)
		}
	}
	must(t, tx.Rollback())
	if texts := names(t, open(t, w.dsn), "SELECT text FROM memos"); !slices.Equal(texts, []string{"of the shared tenant"}) {
		t.Errorf("the shared table holds %q", texts)
	}
}

// qualifiedByHand sends SQL written by hand that says whose tables it means.
func qualifiedByHand(t *testing.T, w *world) {
	w.client.Country.Create().SetCode("CL").ExecX(tenancy.System(t.Context(), "test"))
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		_, err := w.drv.ExecContext(ctx, "INSERT INTO `tenancy_tenant`.`memos` (tenant_id, text) VALUES (?, ?)", string(tenant.ID), "`tenancy_tenant`.`memos`")
		must(t, err)
		texts, err := column(w.drv.QueryContext(ctx, "SELECT m.text FROM `tenancy_tenant`.`memos` AS m WHERE text LIKE '`tenancy%'"))
		must(t, err)
		if !slices.Equal(texts, []string{"`tenancy_tenant`.`memos`"}) { // the argument as it was given
			t.Errorf("%s finds %q", tenant, texts)
		}
		codes, err := column(w.drv.QueryContext(ctx, "SELECT code FROM `tenancy_global`.`countries`"))
		must(t, err)
		if !slices.Equal(codes, []string{"CL"}) {
			t.Errorf("%s finds the countries %q", tenant, codes)
		}
	}
}

func useIsRefusedForAll(t *testing.T, w *world) {
	system := tenancy.System(t.Context(), "test")
	for _, query := range []string{
		"USE %s", "use %s;", "SET STATEMENT max_statement_time = 9 FOR USE %s", "/*!99999 a */ USE %s", "-- go\nUSE %s", "# go\nUSE %s", "/* go */ USE %s", "/*!40000 USE %s */", "/*M! USE %s */", "SELECT 1; USE %s", " ;USE %s",
	} {
		query = fmt.Sprintf(query, quoted(w.two))
		for _, tenant := range w.all() {
			if _, err := w.drv.ExecContext(as(t, tenant), query); !errors.Is(err, mysql.ErrRefused) {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
		}
		if _, err := w.drv.ExecContext(system, query); !errors.Is(err, mysql.ErrRefused) {
			t.Errorf("a System scope, %q: %v", query, err)
		}
	}
	for _, query := range []string{"SELECT 'a; USE b'", "SELECT 5--USE\n", "SELECT 1 /* ; USE b */", "SELECT 'it''s; USE b', \"\\\"; USE b\""} {
		if _, err := w.drv.ExecContext(system, query); errors.Is(err, mysql.ErrRefused) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// session is what begins or ends a transaction, or would stay on the connection.
// What is sent all the same must not harm the server, which others use too.
func session() []string {
	return []string{
		"BEGIN", "begin work", "START TRANSACTION", "START TRANSACTION READ ONLY", "COMMIT", "COMMIT AND CHAIN", "ROLLBACK", "rollback work;",
		"ROLLBACK AND CHAIN NO RELEASE", "XA START 'a'", "XA COMMIT 'a' ONE PHASE", "BEGIN NOT ATOMIC SELECT 1; END",
		"SET SESSION sql_mode = ''", "SET @@sql_mode = ''", "SET sql_mode = ''", "SET autocommit = 0", "SET GLOBAL max_connections = @@max_connections", "SET NAMES latin1",
		"SET @a = 1", "SET ROLE NONE", "SET TRANSACTION READ ONLY", "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
		"LOCK TABLES `tenancy_tenant`.`memos` READ", "UNLOCK TABLES", "FLUSH TABLES memos", "BACKUP LOCK memos",
		"SHOW WARNINGS", "show errors limit 1", "SHOW COUNT(*) WARNINGS", "GET DIAGNOSTICS CONDITION 1 @a = MESSAGE_TEXT",
		"HANDLER `tenancy_tenant`.`memos` OPEN", "PREPARE a FROM 'COMMIT'", "EXECUTE a", "EXECUTE IMMEDIATE 'START TRANSACTION'",
		"IF 1 THEN START TRANSACTION; END IF", "CASE WHEN 1 THEN COMMIT; END CASE", "FOR i IN 1..1 DO COMMIT; END FOR",
		"WHILE 0 DO COMMIT; END WHILE", "REPEAT COMMIT; UNTIL 1 END REPEAT", "LOOP SIGNAL SQLSTATE '45000'; END LOOP",
		"SET STATEMENT max_statement_time = 9 FOR START TRANSACTION", "SET STATEMENT max_statement_time = 9 FOR SET sql_mode = ''",
		"SET STATEMENT max_statement_time = (SELECT 9 FOR UPDATE) FOR COMMIT", "SET STATEMENT a = 1 FOR SET STATEMENT b = 2 FOR LOCK TABLES memos READ",
		"-- go\nCOMMIT", "# go\nCOMMIT", "/* go */ COMMIT", "/*!40101 SET sql_mode = '' */", "/*M!100100 COMMIT */", " ;COMMIT", "SELECT 1; COMMIT",
		"/*!99999 SELECT */ COMMIT", "/*M!999999 SELECT */ COMMIT", "CREATE TABLE event (id INT); COMMIT",
		"/*!99999 -- */ /*!40000 COMMIT */", "/*M!999999\\- enable the sandbox mode */ /*!40101 SET sql_mode = '' */", "/*!99999 # */ /*M!100100 COMMIT */",
		"SELECT '/*!' /*!99999 ' */; COMMIT /*! ' */", "/*!99999 /* */ ' */ COMMIT -- '", "/*!99999/*/ ' */ */ COMMIT -- '", "SELECT 5*/*'*/1; COMMIT; -- '", "SELECT 1 --\x7f'\n; COMMIT; -- '",
		"CREATE TEMPORARY TABLE `tenancy_tenant`.`memos` (id int)", "create temporary table if not exists t select 1", "CREATE OR REPLACE TEMPORARY TABLE t (id int)",
	}
}

func sessionIsRefused(t *testing.T, w *world) {
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.BeginTx(ctx, nil)
		must(t, err)
		for _, query := range session() {
			for _, query := range []string{query, query + " /* `tenancy_tenant`. */"} { // which is all that a schema's tenant needs
				sent := w.sent.during(func() {
					if _, err := tx.ExecContext(ctx, query); !errors.Is(err, mysql.ErrRefused) {
						t.Errorf("%s, %q in a transaction: %v", tenant, query, err)
					}
				})
				if len(sent) > 0 {
					t.Errorf("%s, %q was sent as %q", tenant, query, sent)
				}
			}
		}
		must(t, tx.Rollback())
		for _, query := range session() {
			sent := w.sent.during(func() {
				if _, err := w.client.ExecContext(ctx, query); !errors.Is(err, mysql.ErrRefused) {
					t.Errorf("%s, %q: %v", tenant, query, err)
				}
				if _, err := column(w.client.QueryContext(ctx, query)); !errors.Is(err, mysql.ErrRefused) {
					t.Errorf("%s, %q as a query: %v", tenant, query, err)
				}
			})
			if len(sent) > 0 {
				t.Errorf("%s, %q was sent as %q", tenant, query, sent)
			}
		}
	}
}

func refusalsHelp(t *testing.T, w *world) {
	for query, want := range map[string]string{
		"START TRANSACTION": "BeginTx", "ROLLBACK": "Rollback", "SET TRANSACTION READ ONLY": "BeginTx", "SET sql_mode = ''": "SET STATEMENT",
		"LOCK TABLES memos READ": "FOR UPDATE", "PREPARE a FROM 'SELECT 1'": "arguments",
	} {
		if _, err := w.client.ExecContext(as(t, w.shared), query); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// neighboursPass sends what looks like a refused statement and is none.
func neighboursPass(t *testing.T, w *world) {
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.BeginTx(ctx, nil)
		must(t, err)
		for _, query := range []string{
			"SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "/*! ROLLBACK TO SAVEPOINT a */", "RELEASE SAVEPOINT a",
			"SET STATEMENT max_statement_time = 9 FOR SELECT text FROM `tenancy_tenant`.`memos` FOR UPDATE",
			"SET STATEMENT max_statement_time = (SELECT 9 FOR UPDATE), sql_mode = '' FOR UPDATE `tenancy_tenant`.`memos` SET text = text",
			"UPDATE `tenancy_tenant`.`memos` SET text = '; COMMIT' /* ; COMMIT */ -- ; COMMIT",
			"INSERT INTO `tenancy_tenant`.`memos` SET tenant_id = 'a', text = /*!40101 'b' */", "/* COMMIT */ DELETE FROM `tenancy_tenant`.`memos`",
			"SELECT text FROM `tenancy_tenant`.`memos` WHERE text LIKE '%/*!%' OR text LIKE '%/*M!%' /* tenant='acme' */",
		} {
			if _, err := tx.ExecContext(ctx, query); err != nil && !w.unknown(query) {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
		}
		must(t, tx.Rollback())
	}
	for _, tenant := range []tenancy.Tenant{w.shared, w.own} { // the others may send no semicolon
		for _, query := range []string{
			"CREATE TRIGGER a BEFORE INSERT ON memos FOR EACH ROW BEGIN SET @a = 1; SET NEW.text = 'b'; END", "DROP TRIGGER a",
			"CREATE DEFINER = CURRENT_USER PROCEDURE a() BEGIN SELECT 1; START TRANSACTION; COMMIT; END", "DROP PROCEDURE a",
			"CREATE TABLE temporary (id int)", "DROP TABLE temporary",
		} {
			if _, err := w.client.ExecContext(as(t, tenant), query); err != nil {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
		}
	}
}

// systemScopePasses sends what is refused to tenants, and leaves nothing behind.
func systemScopePasses(t *testing.T, w *world) {
	for _, query := range []string{
		"START TRANSACTION", "COMMIT", "BEGIN", "ROLLBACK", "XA START 'a'", "XA END 'a'", "XA ROLLBACK 'a'", "BEGIN NOT ATOMIC SELECT 1; END",
		"SET @a = 1", "SET @a = NULL", "SET SESSION sql_mode = @@sql_mode", "SET TRANSACTION READ ONLY", "SELECT 1",
		"LOCK TABLES memos READ", "UNLOCK TABLES", "HANDLER memos OPEN", "HANDLER memos CLOSE", "FLUSH TABLES memos",
		"PREPARE a FROM 'SELECT 1'", "EXECUTE a", "DEALLOCATE PREPARE a", "IF 1 THEN SET @a = NULL; END IF",
		"SET STATEMENT max_statement_time = 9 FOR SET @a = NULL",
	} {
		if _, err := w.client.ExecContext(tenancy.System(t.Context(), "test"), query); err != nil && !w.unknown(query) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

// unknown reports whether a statement is one of MariaDB's, which MySQL does not know.
func (w *world) unknown(query string) bool {
	return !w.mariaDB && slices.ContainsFunc([]string{"SET STATEMENT", "BEGIN NOT ATOMIC", "IF "}, func(head string) bool {
		return strings.HasPrefix(query, head)
	})
}

// TestNothingStaysOnTheConnection has one tenant try to leave something on the
// connection on which another writes, and to undo what that has written.
func TestNothingStaysOnTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, system := open(t, w.dsn), tenancy.System(t.Context(), "test")
	other := tenancy.Tenant{ID: "other", Isolation: tenancy.IsolationShared}
	mode := func() []string {
		modes, err := column(w.client.QueryContext(system, "SELECT @@sql_mode"))
		must(t, err)
		return modes
	}
	before := mode()
	for _, pair := range [][2]tenancy.Tenant{{w.shared, other}, {w.one, w.two}, {w.one, other}, {w.shared, w.two}} {
		memos := "memos"
		if pair[1].Isolation == tenancy.IsolationSchema {
			memos = quoted(pair[1]) + ".memos"
		}
		for _, step := range [][2]string{
			{"START TRANSACTION", "ROLLBACK"},
			{"BEGIN", "ROLLBACK"},
			{"SET autocommit = 0", "ROLLBACK"},
			{"LOCK TABLES `tenancy_tenant`.`memos` READ", "UNLOCK TABLES"},
			{"SET SESSION sql_mode = ''", "COMMIT"},
		} {
			by := func(number int) {
				if _, err := w.client.ExecContext(as(t, pair[0]), step[number]+" /* `tenancy_tenant`. */"); !errors.Is(err, mysql.ErrRefused) {
					t.Errorf("%s, %s: %v", pair[0], step[number], err)
				}
			}
			by(0)
			if err := w.client.Memo.Create().SetText(step[0]).Exec(as(t, pair[1])); err != nil {
				t.Errorf("%s after %s of %s: %v", pair[1], step[0], pair[0], err)
			}
			if after := mode(); !slices.Equal(after, before) {
				t.Errorf("after %s: sql_mode is %q", step[0], after)
			}
			by(1)
			if kept := names(t, admin, "SELECT text FROM "+memos); !slices.Equal(kept, []string{step[0]}) {
				t.Errorf("after %s and %s of %s, %s has %q", step[0], step[1], pair[0], pair[1], kept)
			}
			_, err := w.client.Memo.Delete().Exec(as(t, pair[1]))
			must(t, err)
		}
	}
}

func severalStatements(t *testing.T, w *world) {
	_, err := w.drv.ExecContext(as(t, w.one), "SELECT 1 FROM `tenancy_tenant`.memos; DELETE FROM memos")
	if !errors.Is(err, mysql.ErrRefused) {
		t.Error(err)
	}
}

func noScope(t *testing.T, w *world) {
	alone := mysql.Schemas(w.sent) // without package driver before it
	sent := w.sent.during(func() {
		if err := alone.Exec(t.Context(), "DELETE FROM `tenancy_tenant`.memos", []any{}, nil); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Error(err)
		}
		if _, err := column(w.drv.QueryContext(t.Context(), "SELECT 1")); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Error(err)
		}
	})
	if len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

func unusableSchema(t *testing.T, w *world) {
	for _, name := range []string{
		"mysql", "MySQL", "sys", "information_schema", "PERFORMANCE_SCHEMA", "tenancy_global", "tenancy_tenant",
		strings.Repeat("é", 65), "a ", "a\x00b", "a\xffb", "a/b", "a\\b", "a'b", "a\"b", "a\nb", "a😀", "#mysql50#a",
	} {
		tenant := tenant("bad", name)
		sent := w.sent.during(func() {
			if _, err := w.client.Memo.Query().Count(as(t, tenant)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
				t.Errorf("%q: %v", name, err)
			}
		})
		if len(sent) > 0 {
			t.Errorf("%q: sent %q", name, sent)
		}
	}
	if _, err := w.client.Memo.Query().Count(as(t, tenant("bad", ""))); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("no name: %v", err)
	}
	if _, err := w.client.Memo.Query().Count(as(t, tenant("good", strings.Repeat("é", 64)))); !errors.Is(err, tenancy.ErrNotProvisioned) {
		t.Errorf("a name of 64 characters: %v", err)
	}
}

func dsnIsNotShown(t *testing.T, w *world) {
	for _, dsn := range []string{
		"root:hunter2secret@tcp(127.0.0.1:3306", "root:hunter2secret@/a?parseTime=hunter2secret", "hunter2secret",
	} {
		own := w.own
		own.ID = "hidden"
		own.Placement.DatabaseURL = tenancy.NewSecret(dsn)
		_, err := w.client.Memo.Query().Count(as(t, own))
		if !errors.Is(err, tenancy.ErrInvalidPlacement) || strings.Contains(fmt.Sprintf("%+v", err), "hunter2secret") {
			t.Errorf("%v", err)
		}
	}
}
