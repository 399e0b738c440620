package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
)

// DriftReport says whose tables are not what the migrations make.
type DriftReport struct {
	// Checked is how many schemas were compared. Behind is how many were not, because
	// they are at another version than the directory's last.
	Checked, Behind int
	// Drifts are the schemas that differ.
	Drifts []Drift
	// Took is how long it took.
	Took time.Duration
}

// Drift is what differs in one tenant's schema. Each entry names a thing and
// says what it is, such as "column notes.label text".
type Drift struct {
	Tenant tenancy.Tenant
	// Missing is what the migrations make and is not there, Extra the reverse. What
	// was changed is in both.
	Missing, Extra []string
}

// Drift compares the schemas of tenants in the home with what the migrations
// make, which it finds out in a schema that nobody else sees: one that is made
// and filled in a transaction that is rolled back. Compared are columns, indexes,
// constraints, triggers, row-level security, policies, and what tables inherit from
// or are partitions of: of keys and triggers whether they are switched on, of triggers
// the source of their function, of policies the roles. Views count as tables: what
// they select is not compared. One query takes a fingerprint of a thousand schemas,
// and Config.Concurrency of them are under way at once. PostgreSQL only. It takes no
// locks that others wait for.
//
// Tenants that have no place, or whose own database cannot be asked, do not hold up
// the others: the report is of those, and the error a [PartialError] that names them.
//
// The role needs the right to create schemas in the home.
func (r *Runner) Drift(ctx context.Context) (*DriftReport, error) {
	if r.dialect() != dialect.Postgres {
		return nil, errors.New("migrate: Drift is for PostgreSQL")
	}
	start := time.Now()
	want, sum, err := r.wanted(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: finding out what the migrations make: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(2, r.config.Concurrency))
	d := &drifts{Runner: r, want: want, sum: sum, group: group, found: map[string]Drift{}}
	err = d.read(ctx)
	if failed := group.Wait(); failed != nil {
		err = failed // of which the other one is a consequence
	}
	if err != nil {
		return nil, err
	}
	report := &DriftReport{}
	var failures []Result
	for _, part := range d.parts {
		failures = append(failures, part.failures...)
		report.Checked += part.Checked
		report.Behind += part.Behind
		report.Drifts = append(report.Drifts, part.Drifts...)
	}
	report.Took = time.Since(start)
	if len(failures) > 0 {
		return report, &PartialError{Failures: failures}
	}
	return report, nil
}

// driftSize is how many schemas one query takes fingerprints of.
const driftSize = 1000

// drifts compares places, several chunks of them at once.
type drifts struct {
	*Runner

	want  contents // what the migrations make
	sum   string   // the fingerprint of that
	group *errgroup.Group
	parts []*driftPart // of each chunk, in the order of the tenants

	mu    sync.Mutex
	found map[string]Drift // by fingerprint, of no tenant
}

// driftPart is the report of one chunk.
type driftPart struct {
	DriftReport

	failures []Result
}

// failed notes a tenant that cannot be compared.
func (d *drifts) failed(t tenancy.Tenant, err error) {
	d.parts = append(d.parts, &driftPart{failures: []Result{Result{Tenant: t}.failed(err)}})
}

func (d *drifts) read(ctx context.Context) error {
	var chunk []*place
	for t, err := range d.config.Tenants(ctx) {
		switch {
		case err != nil && t.ID == "":
			return fmt.Errorf("migrate: reading the tenants: %w", err)
		case err != nil:
			d.failed(t, err)
			continue
		case !d.config.migrates(t.Status):
			continue
		}
		p, err := d.placeOf(ctx, t)
		switch {
		case err != nil:
			d.failed(t, err)
		case p == nil:
			continue
		case p.own:
			d.compareOwn(ctx, p)
		default:
			chunk = append(chunk, p)
		}
		if len(chunk) == driftSize {
			d.compare(ctx, chunk)
			chunk = nil
		}
	}
	if len(chunk) > 0 {
		d.compare(ctx, chunk)
	}
	return nil
}

// compare begins with a chunk of schemas in the home.
func (d *drifts) compare(ctx context.Context, chunk []*place) {
	part := &driftPart{}
	d.parts = append(d.parts, part)
	d.group.Go(func() error { return d.compareIn(ctx, d.config.Home, chunk, &part.DriftReport) })
}

// compareOwn begins with a tenant's own database. What is wrong with it is the tenant's.
func (d *drifts) compareOwn(ctx context.Context, p *place) {
	part := &driftPart{}
	d.parts = append(d.parts, part)
	d.group.Go(func() error {
		err := errors.Join(d.compareIn(ctx, p.db, []*place{p}, &part.DriftReport), p.close())
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		}
		part.DriftReport = DriftReport{}
		part.failures = []Result{Result{Tenant: p.tenant}.failed(err)}
		return nil
	})
}

func (d *drifts) compareIn(ctx context.Context, db *sql.DB, chunk []*place, report *DriftReport) error {
	schemas := make([]string, 0, len(chunk))
	for _, p := range chunk {
		schemas = append(schemas, p.schema)
	}
	states, err := d.survey(ctx, db, schemas)
	if err != nil {
		return err
	}
	chunk = slices.DeleteFunc(chunk, func(p *place) bool { return !d.config.Directory.complete(states[p.schema]) })
	report.Behind, report.Checked = len(schemas)-len(chunk), len(chunk)
	schemas = schemas[:0]
	for _, p := range chunk {
		schemas = append(schemas, p.schema)
	}
	var prints map[string]string
	if db == d.config.Home {
		if prints, err = fingerprintsOf(ctx, db, schemas); err != nil {
			return err
		}
	}
	for _, p := range chunk {
		found, err := d.difference(ctx, db, p.schema, prints)
		if err != nil {
			return err
		}
		if len(found.Missing)+len(found.Extra) > 0 {
			found.Tenant = p.tenant
			report.Drifts = append(report.Drifts, found)
		}
	}
	return nil
}

// difference tells how a schema differs from what is wanted, once for all that
// have the same fingerprint. In other databases than the home there are none.
func (d *drifts) difference(ctx context.Context, db *sql.DB, schema string, prints map[string]string) (Drift, error) {
	sum := prints[schema]
	if prints != nil {
		if sum == d.sum {
			return Drift{}, nil
		}
		d.mu.Lock()
		found, known := d.found[sum]
		d.mu.Unlock()
		if known {
			return found, nil
		}
	}
	has, err := contentsIn(ctx, db, schema)
	if err != nil {
		return Drift{}, err
	}
	want := d.want.moved(has.schema)
	found := Drift{Missing: want.without(has), Extra: has.without(want)}
	if prints != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.found[sum] = found
	}
	return found, nil
}

// concurrently is what a statement cannot have within a transaction.
var concurrently = regexp.MustCompile(`(?i)^(\s*(?:CREATE\s+(?:UNIQUE\s+)?|DROP\s+)INDEX)\s+CONCURRENTLY\b`)

// wanted executes all migrations in a new schema, tells what is there, and takes it back.
func (r *Runner) wanted(ctx context.Context) (all contents, sum string, err error) {
	tx, err := r.config.Home.BeginTx(ctx, &sql.TxOptions{})
	if err != nil {
		return contents{}, "", err
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	schema := fmt.Sprintf("tenancy_drift_%d", time.Now().UnixNano())
	statements := []string{"CREATE SCHEMA " + identifier(schema), "SET LOCAL search_path TO " + identifier(schema)}
	made := planFor(ctx, r.config.Directory, &state{exists: true}, nil)
	if made.err != nil {
		return contents{}, "", made.err
	}
	for _, f := range made.files {
		for _, statement := range f.statements {
			statements = append(statements, concurrently.ReplaceAllString(statement.text, "$1"))
		}
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, r.engine.plain(statement)...); err != nil {
			return contents{}, "", err
		}
	}
	if all, err = contentsOf(ctx, tx, schema); err != nil {
		return contents{}, "", err
	}
	prints, err := fingerprints(ctx, tx, []string{schema})
	return all, prints[schema], err
}
