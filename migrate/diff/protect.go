package diff

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/migrate/internal/statements"
	"github.com/entenancy/tenancy/schema"
)

// privileges is what a role needs to use a table, and all it gets: TRUNCATE,
// for one, goes past row-level security.
const privileges = "SELECT, INSERT, UPDATE, DELETE"

// state is what Atlas does not see of a replayed directory.
type state struct {
	policies []string        // statements for what row-level security lacks
	grants   map[string]bool // statements that are in the files
}

// replayed returns what the files of a directory lead to.
func (h half) replayed(ctx context.Context, p *place, dir migrate.Dir) (*atlas.Schema, state, error) {
	if err := p.replay(ctx, dir); err != nil {
		return nil, state{}, err
	}
	current, err := p.inspect(ctx)
	if err != nil || h.config.Dialect != dialect.Postgres {
		return current, state{}, err
	}
	var s state
	if s.grants, err = grantsIn(dir); err != nil {
		return nil, s, err
	}
	s.policies, err = postgres.MissingPolicies(ctx, p.driver(), tenants(current, h.tenancy))
	return current, s, err
}

// tenants is the metadata of the tables that have their tenant column. The
// others get their policy with it.
func tenants(current *atlas.Schema, m schema.Metadata) schema.Metadata {
	var there schema.Metadata
	for _, described := range m.Tables {
		if table, ok := current.Table(described.Name); ok {
			if _, ok := table.Column(described.TenantColumn); ok {
				there.Tables = append(there.Tables, described)
			}
		}
	}
	return there
}

// protect adds to a plan for PostgreSQL what Atlas does not know of new tables.
func (h half) protect(plan *migrate.Plan) (*migrate.Plan, error) {
	var protected kept
	if _, err := postgres.Formatter(&protected, h.tenancy).Format(plan); err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	return protected.plan, nil
}

// lacks is what tables lack that Atlas does not know of.
func (h half) lacks(s state) []*migrate.Change {
	return append(commented("row-level security as it has to be", s.policies...), h.grants(s.grants)...)
}

// grants is the grants of the roles that are not there yet.
func (h half) grants(there map[string]bool) []*migrate.Change {
	var changes []*migrate.Change
	for _, t := range h.tables {
		for _, role := range h.config.Roles {
			grant := "GRANT " + privileges + " ON " + quoted(t.Name) + " TO " + quoted(role)
			if !t.View && !there[grant] {
				changes = append(changes, &migrate.Change{Cmd: grant, Comment: "let " + quoted(role) + " use " + quoted(t.Name)})
			}
		}
	}
	return changes
}

// kept is a formatter that keeps the plan.
type kept struct{ plan *migrate.Plan }

// Format implements [migrate.Formatter].
func (k *kept) Format(plan *migrate.Plan) ([]migrate.File, error) {
	k.plan = plan
	return nil, nil
}

// isGrant reports the statements that only change who may do what.
func isGrant(statement string) bool {
	words := strings.Fields(statement)
	return len(words) > 0 && slices.Contains([]string{"GRANT", "REVOKE"}, strings.ToUpper(words[0]))
}

// grantsIn returns the grants of all files, as [half.protect] writes them.
func grantsIn(dir migrate.Dir) (map[string]bool, error) {
	files, err := dir.Files()
	if err != nil {
		return nil, err
	}
	grants := make(map[string]bool)
	for _, file := range files {
		read, err := statements.Of(dialect.Postgres, string(file.Bytes()))
		if err != nil {
			return nil, fmt.Errorf("diff: %s: %w", file.Name(), err)
		}
		for _, statement := range read {
			if isGrant(statement.Text) {
				grants[strings.TrimRight(statement.Text, "; \n")] = true
			}
		}
	}
	return grants, nil
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
