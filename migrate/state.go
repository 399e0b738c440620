package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/internal/pgerror"
)

// state sums up what was applied in a place.
type state struct {
	guessed  bool // it is that of others, and nobody has looked
	exists   bool
	recorded bool // it has a table of revisions
	tables   bool // it has other tables, as far as that matters: where no revisions are
	count    int
	version  string // the last one
	done     string // the last one that was applied to its end
	text     string // all rows, empty for none
}

// dirty reports whether there are tables of which nobody knows how they came.
func (s *state) dirty() bool { return s.tables && s.count == 0 }

// stateKey is the same for places for which the same has to be done.
type stateKey struct {
	recorded, dirty bool
	count           int
	version, text   string
}

func (s *state) key() stateKey {
	return stateKey{s.recorded, s.dirty(), s.count, s.version, s.text}
}

// atOnce is how many schemas one query reads. PostgreSQL's stack is too short for all of ten thousand.
const atOnce = 250

// surveyTries is how often a survey is begun again when a schema goes away meanwhile.
const surveyTries = 5

// survey tells the state of schemas in one database.
func (r *Runner) survey(ctx context.Context, q querier, schemas []string) (map[string]*state, error) {
	var err error
	for range surveyTries {
		var states map[string]*state
		if states, err = r.surveyOnce(ctx, q, schemas); err == nil {
			return states, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("migrate: reading the state of %d schemas: %w", len(schemas), pgerror.WithoutConfig(err))
}

func (r *Runner) surveyOnce(ctx context.Context, q querier, schemas []string) (map[string]*state, error) {
	states, err := r.revised(ctx, q, schemas)
	if err != nil {
		return nil, err
	}
	return states, r.fill(ctx, q, schemas, states)
}

// revised tells what revisions there are.
func (r *Runner) revised(ctx context.Context, q querier, schemas []string) (map[string]*state, error) {
	states, err := r.engine.present(ctx, q, schemas)
	if err != nil {
		return nil, err
	}
	var recorded []string
	for _, schema := range schemas {
		s, ok := states[schema]
		if !ok {
			states[schema] = &state{}
		} else if s.recorded {
			recorded = append(recorded, schema)
		}
	}
	for some := range slices.Chunk(recorded, atOnce) {
		if err := r.sums(ctx, q, some, states); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// fill looks for tables where there are no revisions.
func (r *Runner) fill(ctx context.Context, q querier, schemas []string, states map[string]*state) error {
	var empty []string
	for _, schema := range schemas {
		if s := states[schema]; s.exists && s.count == 0 {
			empty = append(empty, schema)
		}
	}
	if len(empty) == 0 {
		return nil
	}
	filled, err := r.engine.filled(ctx, q, empty)
	if err != nil {
		return err
	}
	empty = slices.DeleteFunc(empty, func(schema string) bool { return !filled[schema] })
	if len(empty) == 0 {
		return nil
	}
	// Another run may have been there since the revisions were read. Then they are there now: they never come after the tables.
	again, err := r.revised(ctx, q, empty)
	for schema, s := range again {
		s.tables = s.count == 0
		states[schema] = s
	}
	return err
}

// names reads the first column of a query as a set.
func names(ctx context.Context, q querier, query string, args ...any) (_ map[string]bool, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found[name] = true
	}
	return found, rows.Err()
}

// sums reads the revisions of schemas that have them in one query. They are
// summed up here: the server takes five times as long if it has to.
func (r *Runner) sums(ctx context.Context, q querier, schemas []string, states map[string]*state) (err error) {
	var b strings.Builder
	for i, schema := range schemas {
		if i > 0 {
			b.WriteString(" UNION ALL ")
		}
		fmt.Fprintf(&b, "SELECT %d, version, hash, applied, total, type, NULLIF(error, '') IS NOT NULL FROM %s", i, r.engine.name(schema, revisionsTable))
	}
	rows, err := q.QueryContext(ctx, b.String(), r.engine.plain(b.String())...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all := make([][]summand, len(schemas))
	for rows.Next() {
		var i int
		var v summand
		if err := rows.Scan(&i, &v.version, &v.hash, &v.applied, &v.total, &v.kind, &v.failed); err != nil {
			return err
		}
		all[i] = append(all[i], v)
	}
	for i, schema := range schemas {
		states[schema].sum(all[i])
	}
	return rows.Err()
}

// summand is what a state has of a revision.
type summand struct {
	version, hash        string
	applied, total, kind int64
	failed               bool
}

// sum keeps the last version and the text of revisions: the one that PostgreSQL
// makes by revisionsText.
func (s *state) sum(all []summand) {
	// Not by the database, whose order depends on its collation.
	slices.SortFunc(all, func(a, b summand) int { return strings.Compare(a.version, b.version) })
	var b strings.Builder
	for i, v := range all {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, "%s:%s:%d:%d:%d:%.1s", v.version, v.hash, v.applied, v.total, v.kind, strconv.FormatBool(v.failed))
		if !isVersion(v.version) {
			continue
		}
		s.count++
		s.version = v.version
		if v.applied == v.total {
			s.done = v.version
		}
	}
	s.text = b.String()
}

// textOf is the text of all rows.
func textOf(rows []*atlas.Revision) string {
	all := make([]summand, len(rows))
	for i, v := range rows {
		all[i] = summand{v.Version, v.Hash, int64(v.Applied), int64(v.Total), int64(v.Type), v.Error != ""} //nolint:gosec // two bits
	}
	var s state
	s.sum(all)
	return s.text
}

// look tells the state of one place.
func (r *Runner) look(ctx context.Context, q querier, p *place) (*state, error) {
	states, err := r.survey(ctx, q, []string{p.schema})
	if err != nil {
		return nil, err
	}
	return states[p.schema], nil
}

// history reads the revisions of a place, and the text of all rows.
func (r *Runner) history(ctx context.Context, q querier, schema string) (all []*atlas.Revision, sum string, err error) {
	query := fmt.Sprintf("SELECT version, description, type, applied, total, COALESCE(error, ''), COALESCE(error_stmt, ''), hash, COALESCE(%s, '') FROM %s",
		r.engine.text("partial_hashes"), r.engine.name(schema, revisionsTable))
	rows, err := q.QueryContext(ctx, query, r.engine.plain(query)...)
	if err != nil {
		return nil, "", pgerror.WithoutConfig(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var v atlas.Revision
		var kind uint
		var hashes string
		if err := rows.Scan(&v.Version, &v.Description, &kind, &v.Applied, &v.Total, &v.Error, &v.ErrorStmt, &v.Hash, &hashes); err != nil {
			return nil, "", err
		}
		v.Type = atlas.RevisionType(kind)
		if hashes != "" {
			if err := json.Unmarshal([]byte(hashes), &v.PartialHashes); err != nil {
				return nil, "", fmt.Errorf("the partial_hashes of version %s: %w", v.Version, err)
			}
		}
		all = append(all, &v)
	}
	// Not by the database, whose order depends on its collation.
	slices.SortFunc(all, func(a, b *atlas.Revision) int { return strings.Compare(a.Version, b.Version) })
	sum = textOf(all)
	return slices.DeleteFunc(all, func(v *atlas.Revision) bool { return !isVersion(v.Version) }), sum, rows.Err()
}
