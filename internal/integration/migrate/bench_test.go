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

const benchDelta = `ALTER TABLE "table0" ADD COLUMN "a" text;
ALTER TABLE "table1" ADD COLUMN "b" text;
CREATE INDEX "table2_more" ON "table2" ("text", "name");
`

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

// benchTurns is how many turns the ways take. Each has a fleet of its own, that is all of a turn's schemas in one run.
const benchTurns = 2

const benchWidth = 4

// way is one way of migrating the schemas of a fleet's block.
type way struct {
	name                       string
	create, then               func(block []tenancy.Tenant) error
	again                      func(block []tenancy.Tenant) error // nothing to do; nil where there is no such thing
	created, changed, repeated time.Duration
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
// three statements, and asks again. Raw SQL in one transaction a tenant is what cannot be beaten, and raw SQL with a record of it what
// cannot be beaten by anybody who keeps one. The Atlas CLI takes part where there is one. TENANCY_BENCH_ONLY=ent leaves it out, and
// TENANCY_BENCH_ONLY=runner ent as well.
func BenchmarkPostgresFleet(b *testing.B) {
	n := benchSchemas(b)
	for b.Loop() {
		f := newPostgres(b, 0)
		f.home.SetMaxOpenConns(benchWidth + 4)
		f.home.SetMaxIdleConns(benchWidth + 4)
		all := benchFiles(b)
		init := directory(b, dialect.Postgres, all)
		text := all["20260101000000_init.sql"]
		all["20260102000000_delta.sql"] = benchDelta
		delta := directory(b, dialect.Postgres, all)
		ways := []*way{
			{name: "raw", create: f.raw(text), then: f.raw(benchDelta)},
			{name: "runner", create: f.runs(init), then: f.runs(delta), again: f.runs(delta)},
			{name: "recorded", create: f.raw(text + benchRecords + fmt.Sprintf(benchRecord, "1")), then: f.raw(benchDelta + fmt.Sprintf(benchRecord, "2"))},
			{name: "ent", create: f.entCreates(benchTables()), then: f.entCreates(benchChanged()), again: f.entCreates(benchChanged())},
		}
		if binary, ok := servers.HasAtlas(); ok {
			first, both := cliFiles(b, benchFiles(b)), cliFiles(b, all)
			ways = append(ways, &way{name: "cli", create: f.cliApplies(binary, first), then: f.cliApplies(binary, both), again: f.cliApplies(binary, both)})
		}
		if only := os.Getenv("TENANCY_BENCH_ONLY"); only != "" {
			kept := append(strings.Split(only, ","), "raw", "runner", "recorded")
			ways = slices.DeleteFunc(ways, func(w *way) bool { return !slices.Contains(kept, w.name) })
		}
		turn := 0
		for block := range slices.Chunk(numbers(n), (n+benchTurns-1)/benchTurns) {
			for i := range ways { // another one first each time, because the first finds colder caches
				f.turn(b, ways[(turn+i)%len(ways)], block)
			}
			turn++
		}
		for _, w := range ways {
			b.ReportMetric(w.created.Seconds()*1000/float64(n), w.name+"-create-ms/tenant")
			b.ReportMetric(w.changed.Seconds()*1000/float64(n), w.name+"-change-ms/tenant")
			b.ReportMetric(w.repeated.Seconds()*1000/float64(n), w.name+"-again-ms/tenant")
		}
		for _, w := range []*way{ways[0], ways[2]} {
			b.ReportMetric(float64(ways[1].created)/float64(w.created), "runner/"+w.name+"-create")
			b.ReportMetric(float64(ways[1].changed)/float64(w.changed), "runner/"+w.name+"-change")
		}
		for _, w := range ways[3:] {
			b.ReportMetric(float64(w.created)/float64(ways[1].created), w.name+"/runner-create")
			b.ReportMetric(float64(w.changed)/float64(ways[1].changed), w.name+"/runner-change")
			b.ReportMetric(float64(w.repeated)/float64(ways[1].repeated), w.name+"/runner-again")
		}
	}
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

func numbers(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// turn lets a way make and change the schemas of one block.
func (f *fleet) turn(b *testing.B, w *way, block []int) {
	b.Helper()
	tenants := make([]tenancy.Tenant, 0, len(block))
	for _, i := range block {
		tenant := f.add(fmt.Sprintf("%s%05d", w.name, i))
		tenant.CreatedAt = time.Now().Add(-time.Hour)
		tenants = append(tenants, tenant)
	}
	w.created += time.Duration(seconds(b, func() error { return w.create(tenants) }) * float64(time.Second))
	w.changed += time.Duration(seconds(b, func() error { return w.then(tenants) }) * float64(time.Second))
	if w.again != nil {
		w.repeated += time.Duration(seconds(b, func() error { return w.again(tenants) }) * float64(time.Second))
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

// benchChanged are the tables after the delta.
func benchChanged() []*schema.Table {
	tables := benchTables()
	more := func(name string) *schema.Column {
		return &schema.Column{Name: name, Type: field.TypeString, Nullable: true}
	}
	tables[0].Columns = append(tables[0].Columns, more("a"))
	tables[1].Columns = append(tables[1].Columns, more("b"))
	tables[2].Indexes = append(tables[2].Indexes, &schema.Index{Name: "table2_more", Columns: []*schema.Column{tables[2].Columns[3], tables[2].Columns[2]}})
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
