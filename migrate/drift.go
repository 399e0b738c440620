package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"entgo.io/ent/dialect"
	"golang.org/x/sync/errgroup"

	"github.com/entenancy/tenancy"
)

// DriftReport says whose tables are not what the migrations make.
type DriftReport struct {
	// Checked is how many places were compared: the home, schemas and tenants' own
	// databases. Behind is how many were not, because they are at another version than
	// the directory's last.
	Checked, Behind int
	// Drifts are the places that differ.
	Drifts []Drift
	// Took is how long it took.
	Took time.Duration
}

// Drift is what differs in one place. Each entry names a thing and says what it is,
// such as "column notes.label text".
type Drift struct {
	// Tenant is zero for the home's own tables.
	Tenant tenancy.Tenant
	// Missing is what the migrations make and is not there, Extra the reverse. What
	// was changed is in both.
	Missing, Extra []string
}

// Drift compares the places of tenants, and the home where it has migrations of its own
// or a tenant lives there, with what the migrations make, which it finds out in a schema
// that nobody else sees: one that is made and filled in a transaction that is rolled
// back. Compared are columns, indexes, constraints, triggers, row-level security,
// policies, and what tables inherit from or are partitions of: of keys and triggers
// whether they are switched on, of triggers the source of their function, of policies
// the roles. Views count as tables: what they select is not compared. In the home, which
// may have tables of others, only those are looked at that the migrations make. One
// query takes a fingerprint of a thousand schemas, and Config.Concurrency of them are
// under way at once. PostgreSQL only. It takes no locks that others wait for,
// but for those of the home's own migrations that are named below.
//
// Tenants whose place is not known or not there, or whose own database cannot be asked, do
// not hold up the others, nor does the home: the report is of those, and the error a
// [PartialError] that names them. Who is being provisioned, or was deleted meanwhile, may
// have no place, and is left out.
//
// Of a file outside of transactions BEGIN and COMMIT are left out, as are VACUUM, REINDEX and
// the like, and CONCURRENTLY. A partition that is detached with that word keeps a check, so
// that the checks of such a table are not compared. Where a file uses a value that one before
// it adds to an enum, added values are the last of their enums, and there are some more of
// them: what goes by their order, or through all of them, may be told as a difference. A file that ends a transaction in another
// way, has savepoints, or cannot be executed in a transaction for another reason, is refused,
// and with it Drift. Drift begins with the last checkpoint, as a new place does: one behind
// such a file leaves it out.
//
// Migrations of the home's own may use what else is in it: a table that they reference and
// do not make is locked against writes for as long as they take in an empty schema. Their
// statements about what is in no schema, such as extensions and roles, and those that change
// rows are left out. A home whose migrations name schemas, or alter tables that they do
// not make, cannot be compared, and is a failure.
//
// The role needs the right to create schemas in the home.
func (r *Runner) Drift(ctx context.Context) (*DriftReport, error) {
	if r.dialect() != dialect.Postgres {
		return nil, errors.New("migrate: Drift is for PostgreSQL")
	}
	if r.config.Tenants == nil {
		return nil, errNoTenants
	}
	start := time.Now()
	want, sum, err := r.wanted(ctx, r.config.Directory, nil)
	if err != nil {
		return nil, err
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

// failed notes a tenant that cannot be compared, unless there is nothing to compare.
func (p *driftPart) failed(ctx context.Context, r *Runner, t tenancy.Tenant, err error) {
	result := Result{Tenant: t}.failed(err)
	if errors.Is(err, tenancy.ErrNotProvisioned) || r.engine.missing(err) {
		result.Outcome, result.Err = r.gone(ctx, &place{tenant: t}, false)
	}
	if result.Outcome == Failed {
		p.failures = append(p.failures, result)
	}
}

// part is a new one.
func (d *drifts) part() *driftPart {
	part := &driftPart{}
	d.parts = append(d.parts, part)
	return part
}

func (d *drifts) read(ctx context.Context) error {
	var chunk []*place
	home := sync.OnceFunc(func() { d.compareHome(ctx) })
	if d.config.Shared != nil {
		home()
	}
	for t, err := range d.config.Tenants(ctx) {
		switch {
		case err != nil && t.ID == "":
			return fmt.Errorf("migrate: reading the tenants: %w", err)
		case err != nil:
			d.part().failed(ctx, d.Runner, t, err)
			continue
		case !d.config.migrates(t.Status):
			continue
		}
		p, err := d.placeOf(ctx, t)
		switch {
		case err != nil:
			d.part().failed(ctx, d.Runner, t, err)
		case p == nil:
			home()
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
	part := d.part()
	d.group.Go(func() error { return d.compareIn(ctx, d.config.Home, chunk, part) })
}

// compareOwn begins with a tenant's own database.
func (d *drifts) compareOwn(ctx context.Context, p *place) {
	d.compareAlone(ctx, p.tenant, func(part *driftPart) error {
		return errors.Join(d.compareIn(ctx, p.db, []*place{p}, part), p.close())
	})
}

// compareAlone begins with a place, and what is wrong with it is its tenant's, or the home's.
func (d *drifts) compareAlone(ctx context.Context, t tenancy.Tenant, compare func(*driftPart) error) {
	part := d.part()
	d.group.Go(func() error {
		switch err := compare(part); {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		default:
			*part = driftPart{}
			part.failed(ctx, d.Runner, t, err)
			return nil
		}
	})
}

func (d *drifts) compareIn(ctx context.Context, db *sql.DB, chunk []*place, part *driftPart) error {
	chunk, err := d.upToDate(ctx, db, chunk, part)
	if err != nil {
		return err
	}
	var prints map[string]string
	if db == d.config.Home {
		if prints, err = fingerprintsOf(ctx, db, schemasOf(chunk)); err != nil {
			return err
		}
	}
	for _, p := range chunk {
		found, err := d.difference(ctx, db, p.schema, prints)
		if err != nil {
			return err
		}
		part.compared(p.tenant, found)
	}
	return nil
}

// schemasOf are the names of the places' schemas.
func schemasOf(chunk []*place) []string {
	schemas := make([]string, 0, len(chunk))
	for _, p := range chunk {
		schemas = append(schemas, p.schema)
	}
	return schemas
}

// upToDate are the places that have all files. It notes the others.
func (d *drifts) upToDate(ctx context.Context, db *sql.DB, chunk []*place, part *driftPart) ([]*place, error) {
	states, err := d.survey(ctx, db, schemasOf(chunk))
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(chunk, func(p *place) bool {
		s := states[p.schema]
		switch {
		case !s.exists:
			part.failed(ctx, d.Runner, p.tenant, errMissing)
		case !p.directory.complete(s):
			part.Behind++
		default:
			return false
		}
		return true
	}), nil
}

// compared notes what was found in a place.
func (p *driftPart) compared(t tenancy.Tenant, found Drift) {
	p.Checked++
	if len(found.Missing)+len(found.Extra) > 0 {
		found.Tenant = t
		p.Drifts = append(p.Drifts, found)
	}
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
	found := d.want.against(has)
	if prints != nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.found[sum] = found
	}
	return found, nil
}
