package migrate_test

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// benchTables are seven tables with two indexes each, about as many relations as a small application has.
func benchTables() []*schema.Table {
	tables := make([]*schema.Table, 7)
	for i := range tables {
		columns := []*schema.Column{
			{Name: "id", Type: field.TypeInt64},
			{Name: "tenant_id", Type: field.TypeString},
			{Name: "name", Type: field.TypeString},
			{Name: "text", Type: field.TypeString, Nullable: true},
		}
		tables[i] = &schema.Table{Name: fmt.Sprintf("table%d", i), Columns: columns, PrimaryKey: columns[:1], Indexes: []*schema.Index{
			{Name: fmt.Sprintf("table%d_name", i), Unique: true, Columns: columns[1:3]},
			{Name: fmt.Sprintf("table%d_text", i), Columns: columns[3:4]},
		}}
	}
	return tables
}

func benchFiles(b *testing.B) files {
	b.Helper()
	text, err := schema.DDL(b.Context(), schema.DDLArgs{Dialect: dialect.Postgres, Version: "150000", Tables: benchTables()})
	if err != nil {
		b.Fatal(err)
	}
	return files{"20260101000000_init.sql": text}
}

// benchDelta is one of benchDeltas changes, which come one after another.
func benchDelta(i int) string {
	return fmt.Sprintf(`ALTER TABLE "table0" ADD COLUMN "a%[1]d" text;
ALTER TABLE "table1" ADD COLUMN "b%[1]d" text;
CREATE INDEX "table2_more%[1]d" ON "table2" ("text", "name");
`, i)
}

// benchSchemas is how many schemas each way gets: TENANCY_BENCH_SCHEMAS, or 200, or 1000 with TENANCY_TEST_SLOW.
func benchSchemas(b *testing.B) int {
	b.Helper()
	if n, err := strconv.Atoi(os.Getenv("TENANCY_BENCH_SCHEMAS")); err == nil {
		return n
	}
	if os.Getenv("TENANCY_TEST_SLOW") != "" {
		return 1000
	}
	return 200
}

// benchTurns is how many turns the ways take, each with schemas of its own, which are changed benchDeltas times. ent, and the Atlas CLI, which
// has one turn, change them once.
const (
	benchTurns  = 3
	benchDeltas = 5
)

const benchWidth = 4

// way is one way of migrating schemas.
type way struct {
	name                       string
	create                     func(tenants []tenancy.Tenant) error
	then                       []func(tenants []tenancy.Tenant) error // the changes
	again                      func(tenants []tenancy.Tenant) error   // nothing to do; nil where there is no such thing
	created, changed, repeated []float64                              // milliseconds a tenant
}

// benchRecords and benchRecord are what the runner adds for the Atlas CLI to read: the table of revisions, and a row of it.
const (
	benchRecords = `CREATE TABLE "atlas_schema_revisions" ("version" character varying NOT NULL, "description" character varying NOT NULL,
"type" bigint NOT NULL DEFAULT 2, "applied" bigint NOT NULL DEFAULT 0, "total" bigint NOT NULL DEFAULT 0, "executed_at" timestamptz NOT NULL,
"execution_time" bigint NOT NULL, "error" text NULL, "error_stmt" text NULL, "hash" character varying NOT NULL, "partial_hashes" jsonb NULL,
"operator_version" character varying NOT NULL, PRIMARY KEY ("version"));`
	benchRecord = `INSERT INTO "atlas_schema_revisions" VALUES ('%s', 'a description', 2, 3, 3, now(), 1000, '', '', 'a hash', 'null', 'raw');`
)

// BenchmarkPostgresFleet makes the tables in as many schemas by each way, in turns so that they meet the same server, changes them by
// three statements each time, and asks again. Raw SQL in one transaction a tenant is what cannot be beaten, and raw SQL with a record of it what
// cannot be beaten by anybody who keeps one. The Atlas CLI takes part where there is one. TENANCY_BENCH_ONLY=ent leaves it out, and
// TENANCY_BENCH_ONLY=runner ent as well.
func BenchmarkPostgresFleet(b *testing.B) {
	n := benchSchemas(b)
	for b.Loop() {
		f := newPostgres(b, 0)
		f.home.SetMaxOpenConns(benchWidth + 4)
		f.home.SetMaxIdleConns(benchWidth + 4)
		all := benchFiles(b)
		text := all["20260101000000_init.sql"]
		raw := &way{name: "raw", create: f.raw(text)}
		recorded := &way{name: "recorded", create: f.raw(text + benchRecords + fmt.Sprintf(benchRecord, "0"))}
		runner := &way{name: "runner", create: f.runs(directory(b, dialect.Postgres, all))}
		entgo := &way{name: "ent", create: f.entCreates(benchTables()), again: f.entCreates(benchChanged())}
		ways, once := []*way{raw, runner, recorded, entgo}, []*way(nil)
		entgo.then = append(entgo.then, entgo.again)
		if binary, ok := servers.HasAtlas(b, dialect.Postgres); ok {
			create := f.cliApplies(binary, cliFiles(b, all))
			all["20260102000000_delta.sql"] = benchDelta(0)
			again := f.cliApplies(binary, cliFiles(b, all))
			once = append(once, &way{name: "cli", create: create, then: []func([]tenancy.Tenant) error{again}, again: again})
		}
		for i := range benchDeltas {
			all[fmt.Sprintf("2026010%d000000_delta.sql", 2+i)] = benchDelta(i)
			runner.again = f.runs(directory(b, dialect.Postgres, all))
			runner.then = append(runner.then, runner.again)
			raw.then = append(raw.then, f.raw(benchDelta(i)))
			recorded.then = append(recorded.then, f.raw(benchDelta(i)+fmt.Sprintf(benchRecord, strconv.Itoa(1+i))))
		}
		if only := os.Getenv("TENANCY_BENCH_ONLY"); only != "" {
			kept := append(strings.Split(only, ","), "raw", "runner", "recorded")
			left := func(w *way) bool { return !slices.Contains(kept, w.name) }
			ways, once = slices.DeleteFunc(ways, left), slices.DeleteFunc(once, left)
		}
		f.turn(b, once, n)
		for range benchTurns {
			f.turn(b, ways, n)
			ways = append(ways[1:], ways[0]) // another one first each time, because the first finds colder caches
		}
		for _, w := range append(ways, once...) {
			w.report(b)
			if w == raw || w == recorded {
				runner.compare(b, w)
			} else if w != runner {
				w.compare(b, runner)
			}
		}
	}
}

func (w *way) report(b *testing.B) {
	b.Helper()
	b.ReportMetric(median(w.created), w.name+"-create-ms/tenant")
	b.ReportMetric(median(w.changed), w.name+"-change-ms/tenant")
	if w.again != nil {
		b.ReportMetric(median(w.repeated), w.name+"-again-ms/tenant")
	}
}

// compare reports how many times as long as another way this one takes.
func (w *way) compare(b *testing.B, other *way) {
	b.Helper()
	b.ReportMetric(median(w.created)/median(other.created), w.name+"/"+other.name+"-create")
	b.ReportMetric(median(w.changed)/median(other.changed), w.name+"/"+other.name+"-change")
	if w.again != nil && other.again != nil {
		b.ReportMetric(median(w.repeated)/median(other.repeated), w.name+"/"+other.name+"-again")
	}
}

func median(all []float64) float64 {
	all = slices.Sorted(slices.Values(all))
	return (all[len(all)/2] + all[(len(all)-1)/2]) / 2
}

// BenchmarkPostgresNothingToDo asks a fleet that is up to date, on connections that have not seen it and on ones that have.
func BenchmarkPostgresNothingToDo(b *testing.B) {
	f := newPostgres(b, 0)
	for i := range benchSchemas(b) {
		f.add(fmt.Sprintf("s%05d", i))
	}
	runner := f.runner(directory(b, dialect.Postgres, benchFiles(b)), func(c *migrate.Config) { c.Concurrency = benchWidth })
	apply(b, runner)
	run := func() error { _, err := runner.Apply(b.Context()); return err }
	f.home.SetMaxIdleConns(0)
	f.home.SetMaxIdleConns(benchWidth)
	cold := seconds(b, run)
	for b.Loop() {
		if err := run(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(cold, "cold-s")
	b.ReportMetric(seconds(b, func() error { _, err := runner.Drift(b.Context()); return err }), "drift-s")
}

func seconds(b *testing.B, do func() error) float64 {
	b.Helper()
	start := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(start).Seconds()
}

// turn lets each way make n schemas, then each change them, and then each ask again: none has to wait for what the server still writes of
// another's tables.
func (f *fleet) turn(b *testing.B, ways []*way, n int) {
	b.Helper()
	fleets := make([][]tenancy.Tenant, len(ways))
	for i, w := range ways {
		for j := range n {
			tenant := f.add(fmt.Sprintf("%s%d_%05d", w.name, len(w.created), j))
			tenant.CreatedAt = time.Now().Add(-time.Hour)
			fleets[i] = append(fleets[i], tenant)
		}
	}
	took := func(i int, do func([]tenancy.Tenant) error) float64 {
		f.home.SetMaxIdleConns(0) // what a server process has seen before it need not look up again, and a run is a new program
		f.home.SetMaxIdleConns(benchWidth + 4)
		return 1000 * seconds(b, func() error { return do(fleets[i]) }) / float64(n)
	}
	for i, w := range ways {
		w.created = append(w.created, took(i, w.create))
	}
	for change := range benchDeltas {
		for i := range ways {
			i = (i + change) % len(ways)
			if w := ways[i]; change < len(w.then) {
				w.changed = append(w.changed, took(i, w.then[change]))
			}
		}
	}
	for i, w := range ways {
		if w.again != nil {
			w.repeated = append(w.repeated, took(i, w.again))
		}
	}
}

// each calls do for all tenants, as many at once as the runner.
func each(tenants []tenancy.Tenant, do func(tenancy.Tenant) error) error {
	var wait sync.WaitGroup
	failed := make(chan error, len(tenants))
	work := make(chan tenancy.Tenant)
	for range benchWidth {
		wait.Go(func() {
			for tenant := range work {
				if err := do(tenant); err != nil {
					failed <- err
				}
			}
		})
	}
	for _, tenant := range tenants {
		work <- tenant
	}
	close(work)
	wait.Wait()
	close(failed)
	return <-failed
}

func (f *fleet) raw(text string) func([]tenancy.Tenant) error {
	return func(block []tenancy.Tenant) error {
		return each(block, func(t tenancy.Tenant) error {
			_, err := f.home.ExecContext(context.Background(), "BEGIN; SET LOCAL search_path TO "+t.Placement.Schema+";"+text+";COMMIT")
			return err
		})
	}
}

func (f *fleet) runs(d *migrate.Directory) func([]tenancy.Tenant) error {
	return func(block []tenancy.Tenant) error {
		_, err := f.runner(d, func(c *migrate.Config) {
			c.Concurrency = benchWidth
			c.Tenants = func(context.Context) iter.Seq2[tenancy.Tenant, error] {
				return func(yield func(tenancy.Tenant, error) bool) {
					for _, tenant := range block {
						if !yield(tenant, nil) {
							return
						}
					}
				}
			}
		}).Apply(context.Background())
		return err
	}
}

// benchChanged are the tables after the first change.
func benchChanged() []*schema.Table {
	tables := benchTables()
	more := func(name string) *schema.Column {
		return &schema.Column{Name: name, Type: field.TypeString, Nullable: true}
	}
	tables[0].Columns = append(tables[0].Columns, more("a0"))
	tables[1].Columns = append(tables[1].Columns, more("b0"))
	tables[2].Indexes = append(tables[2].Indexes, &schema.Index{Name: "table2_more0", Columns: []*schema.Column{tables[2].Columns[3], tables[2].Columns[2]}})
	return tables
}

// entCreates is ent's Schema.Create, on a connection whose search path is the tenant's.
func (f *fleet) entCreates(tables []*schema.Table) func([]tenancy.Tenant) error {
	return func(block []tenancy.Tenant) error {
		return each(block, func(t tenancy.Tenant) error {
			db, err := sql.Open("pgx", f.url+"&search_path="+t.Placement.Schema)
			if err != nil {
				return err
			}
			defer db.Close()
			m, err := schema.NewMigrate(entsql.OpenDB(dialect.Postgres, db))
			if err != nil {
				return err
			}
			return m.Create(context.Background(), tables...)
		})
	}
}

// cliProject is for_each over the schemas of a block, on the community CLI.
const cliProject = `
variable "url"     { type = string }
variable "schemas" { type = string }
variable "files"   { type = string }
env "fleet" {
  for_each = toset(split(" ", var.schemas))
  url      = urlqueryset(var.url, "search_path", each.value)
  migration {
    dir = "file://${var.files}"
  }
}
`

// cliFiles writes a migration directory for the CLI.
func cliFiles(b *testing.B, f files) string {
	b.Helper()
	dir := b.TempDir()
	if err := os.CopyFS(dir, f.fsys(b)); err != nil {
		b.Fatal(err)
	}
	return dir
}

func (f *fleet) cliApplies(binary, dir string) func([]tenancy.Tenant) error {
	project := filepath.Join(f.t.TempDir(), "atlas.hcl")
	if err := os.WriteFile(project, []byte(cliProject), 0o600); err != nil {
		f.t.Fatal(err)
	}
	return func(block []tenancy.Tenant) error {
		schemas := make([]string, len(block))
		for i, tenant := range block {
			schemas[i] = tenant.Placement.Schema
		}
		command := exec.CommandContext(context.Background(), binary, "migrate", "apply", "--env", "fleet", "--config", "file://"+project,
			"--var", "url="+f.url, "--var", "files="+dir, "--var", "schemas="+strings.Join(schemas, " "))
		command.Env = append(os.Environ(), "ATLAS_NO_UPDATE_NOTIFIER=1")
		out, err := command.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
}
