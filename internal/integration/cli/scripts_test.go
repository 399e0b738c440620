package cli_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestScripts runs each script of testdata on each database. Beside the commands
// of package testscript there are
//
//	exits CODE ARGUMENT...        runs the tool, which has to end with the code
//	dump FILE                     writes all that there is in the databases to a file
//	audited ACTION OUTCOME        looks for an entry of the audit, by whoever runs the tests
//	sql STATEMENT                 executes SQL in the home
//	sqlfile NAME STATEMENT        executes SQL in a tenant's file, on SQLite
//	migration DIRECTORY NAME SQL  writes a migration, of SQL or of @FILE, and the directory's atlas.sum
//	lines TYPE...                 the last output is JSON lines, of these types and no others
//	capture NAME FIELD...         sets a variable to a field of the last output's first JSON line
//	database NAME                 lets the home's role make databases, on PostgreSQL, and drops that of a tenant at the end
//	pooler                        puts a pooler in transaction mode before the serving connections
//
// and [postgres], [mariadb] and [sqlite] say which database it is.
func TestScripts(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatal("no scripts: ", err)
	}
	for _, d := range databases() {
		for _, script := range scripts {
			name := strings.TrimSuffix(filepath.Base(script), ".txtar")
			t.Run(d.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				runScript(t, d, script)
			})
		}
	}
}

// newPrefix is one for the names of tenants' places: others have theirs on the same server. On MySQL
// they are databases beside the home, and dropped at the end.
func newPrefix(tb testing.TB, d database, home string) string {
	tb.Helper()
	prefix := "t" + strings.ToLower(rand.Text()[:8]) + "_"
	if d.driver != "mysql" {
		return prefix
	}
	db := d.open(tb, home)
	tb.Cleanup(func() {
		for _, name := range texts(tb, db, "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '"+prefix+"%'") {
			if _, err := db.ExecContext(context.WithoutCancel(tb.Context()), "DROP DATABASE `"+name+"`"); err != nil {
				tb.Error(err)
			}
		}
	})
	return prefix
}

func runScript(t *testing.T, d database, script string) {
	t.Helper()
	home := d.home(t, t.TempDir()) // skips the test where there is no server, as a script cannot
	prefix := newPrefix(t, d, home)
	testscript.Run(t, testscript.Params{
		Files: []string{script},
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{
				"PATH":                         program + string(os.PathListSeparator) + env.Getenv("PATH"),
				"TENANCY_DATABASE_URL":         home,
				"TENANCY_DATABASE_TENANTS_DIR": filepath.Join(env.WorkDir, "tenants"),
				"GOCACHE":                      goEnv(t, "GOCACHE"),
				"TENANCY_ISOLATION_PREFIX":     prefix,
			} {
				env.Setenv(name, value)
			}
			return os.Mkdir(filepath.Join(env.WorkDir, "tenants"), 0o755)
		},
		Condition: func(name string) (bool, error) {
			return name == d.name, nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": func(ts *testscript.TestScript, _ bool, args []string) { exits(ts, home, args) },
			"dump": func(ts *testscript.TestScript, _ bool, args []string) {
				text := d.dump(t, d.open(t, home), prefix, ts.MkAbs("tenants"))
				ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
			},
			"audited": func(ts *testscript.TestScript, _ bool, args []string) { audited(t, ts, d.open(t, home), args) },
			"sql": func(ts *testscript.TestScript, _ bool, args []string) {
				_, err := d.open(t, home).ExecContext(t.Context(), args[0])
				ts.Check(err)
			},
			"sqlfile": func(ts *testscript.TestScript, _ bool, args []string) {
				_, err := d.open(t, "file:"+filepath.Join(ts.MkAbs("tenants"), args[0]+".db")).ExecContext(t.Context(), args[1])
				ts.Check(err)
			},
			"migration": func(ts *testscript.TestScript, _ bool, args []string) {
				text := args[2]
				if file, ok := strings.CutPrefix(text, "@"); ok {
					text = ts.ReadFile(file)
				}
				ts.Check(migration(ts.MkAbs(args[0]), args[1], text))
			},
			"pooler": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Setenv("TENANCY_DATABASE_ADMIN_URL", home)
				ts.Setenv("TENANCY_DATABASE_URL", startPooler(t, home))
			},
			"database": func(_ *testscript.TestScript, _ bool, args []string) { letCreateDatabase(t, d, home, prefix+args[0]) },
			"lines":    lines,
			"capture":  capture,
		},
	})
}

// letCreateDatabase lets the home's role make databases, and drops one at the end.
func letCreateDatabase(t *testing.T, d database, home, name string) {
	t.Helper()
	at, err := url.Parse(home)
	if err != nil {
		t.Fatal("the URL of the home cannot be read")
	}
	admin := d.open(t, servers.PostgresAdmin(t))
	execute := func(ctx context.Context, statement string) {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	execute(t.Context(), "ALTER ROLE "+at.User.Username()+" CREATEDB")
	t.Cleanup(func() { execute(context.WithoutCancel(t.Context()), `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`) })
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// exits runs the tool and looks at its exit code, and for the password where it must not be.
func exits(ts *testscript.TestScript, home string, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if len(args) > 2 && args[1] == "migrate" && args[2] == "apply" { // which on MySQL waits for those of other tests
		args = append(slices.Clone(args), "--lock-wait=1m")
	}
	got := 0
	err = ts.Exec("tenancy", args[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("it ended with %d, and should have with %d", got, want)
	}
	if password := passwordOf(home); password != "" && strings.Contains(ts.ReadFile("stdout")+ts.ReadFile("stderr"), password) {
		ts.Fatalf("the password was shown")
	}
}

// audited looks for who did something in the registry's audit.
func audited(t *testing.T, ts *testscript.TestScript, home *sql.DB, args []string) {
	t.Helper()
	who, err := user.Current()
	ts.Check(err)
	for _, row := range rows(t, home, "SELECT principal, user_agent, metadata FROM tenancy_audit WHERE action = 'tenant."+args[0]+"'") {
		if strings.HasPrefix(row, who.Username+"|tenancy|") && strings.Contains(row, `"outcome":"`+args[1]+`"`) {
			return
		}
	}
	ts.Fatalf("the audit does not have that %s was %s by %s", args[0], args[1], who.Username)
}

// jsonLines reads the last output as JSON lines, of one shape.
func jsonLines(ts *testscript.TestScript) (kinds []string, values []any) {
	for line := range strings.Lines(ts.ReadFile("stdout")) {
		var object map[string]any
		ts.Check(json.Unmarshal([]byte(line), &object))
		kind, ok := object["type"].(string)
		value, has := object[kind]
		if !ok || !has || len(object) != 2 {
			ts.Fatalf("not of the shape that is documented: %s", line)
		}
		kinds, values = append(kinds, kind), append(values, value)
	}
	return kinds, values
}

func lines(ts *testscript.TestScript, _ bool, want []string) {
	got, _ := jsonLines(ts)
	slices.Sort(got)
	slices.Sort(want)
	if got = slices.Compact(got); !slices.Equal(got, want) {
		ts.Fatalf("the lines are of types %q, and should be of %q", got, want)
	}
}

func capture(ts *testscript.TestScript, _ bool, args []string) {
	_, values := jsonLines(ts)
	value := values[0]
	for _, field := range args[1:] {
		value = value.(map[string]any)[field]
	}
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		ts.Check(err)
		text = string(encoded)
	}
	ts.Setenv(args[0], text)
}
