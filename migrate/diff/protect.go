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
	"github.com/entenancy/tenancy/schema"
)

// privileges is what a role needs to use a table, and all it gets: TRUNCATE,
// for one, goes past row-level security.
const privileges = "SELECT, INSERT, UPDATE, DELETE"

// state is what Atlas does not see of a replayed directory.
type state struct {
	policies []string        // statements for what row-level security lacks
	grants   map[string]bool // statements that are in the files, for tables that are still there
}

// replayed returns what the files of a directory lead to.
func (h half) replayed(ctx context.Context, p *place, dir migrate.Dir) (*atlas.Schema, state, error) {
	given := h.given(p)
	if err := p.replay(ctx, dir, given.note); err != nil {
		return nil, state{}, err
	}
	current, err := p.inspect(ctx)
	if err != nil || h.config.Dialect != dialect.Postgres {
		return current, state{}, err
	}
	if err := h.stillTenants(ctx, p); err != nil {
		return nil, state{}, err
	}
	var s state
	if s.grants, err = given.kept(ctx); err != nil {
		return nil, s, err
	}
	s.policies, err = postgres.MissingPolicies(ctx, p.driver(), tenants(current, h.tenancy))
	return current, s, err
}

// stillTenants refuses a table that was a tenant's and is global now. Its policy and
// its trigger keep the tenant column from being dropped, and that every tenant sees
// all of its rows from then on is for somebody to write down.
func (h half) stillTenants(ctx context.Context, p *place) error {
	for _, t := range h.tables {
		if slices.ContainsFunc(h.tenancy.Tables, func(described schema.Table) bool { return described.Name == t.Name }) {
			continue
		}
		var protected bool
		const query = "SELECT EXISTS (SELECT FROM pg_policy WHERE polrelid = to_regclass($1) AND polname = $2) " +
			"OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass($1) AND tgname = $2)"
		if err := p.session.QueryRowContext(ctx, query, quoted(t.Name), postgres.PolicyName).Scan(&protected); err != nil {
			return fmt.Errorf("diff: dev database: %w", err)
		}
		if protected {
			return fmt.Errorf("diff: the table %[1]s was a tenant's and is global in ent's schema: every tenant would see all of its rows. If that is meant, "+
				"take its row-level security away in a file by hand, as docs/migrations.md says: DROP POLICY %[2]s ON %[1]s; DROP TRIGGER %[2]s ON %[1]s; "+
				"ALTER TABLE %[1]s NO FORCE ROW LEVEL SECURITY; ALTER TABLE %[1]s DISABLE ROW LEVEL SECURITY", quoted(t.Name), postgres.PolicyName)
		}
	}
	return nil
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
			if grant := grantOf(t.Name, role); !t.View && !there[grant] {
				changes = append(changes, &migrate.Change{Cmd: grant, Comment: "let " + quoted(role) + " use " + quoted(t.Name)})
			}
		}
	}
	return changes
}

func grantOf(table, role string) string {
	return "GRANT " + privileges + " ON " + quoted(table) + " TO " + quoted(role)
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

// given are the grants that a replay goes past: the dev database may lack the roles. A
// grant goes with its table, and one that is made again under the name has none.
type given struct {
	place  *place
	tables map[string]string // of each grant that [half.grants] writes
	when   map[string]int64  // which table that was when the grant was made
}

func (h half) given(p *place) *given {
	g := &given{place: p, tables: make(map[string]string), when: make(map[string]int64)}
	if h.config.Dialect != dialect.Postgres {
		return g
	}
	for _, t := range h.tables {
		for _, role := range h.config.Roles {
			g.tables[grantOf(t.Name, role)] = t.Name
		}
	}
	return g
}

// note takes note of a statement that is not executed. A REVOKE changes nothing: it
// is by hand and meant, such as of a table that a role may only add to.
func (g *given) note(ctx context.Context, statement string) (err error) {
	grant := strings.TrimRight(statement, "; \n")
	if table, ok := g.tables[grant]; ok {
		g.when[grant], err = g.identity(ctx, table)
	}
	return err
}

// kept are the grants of tables that are the same as then.
func (g *given) kept(ctx context.Context) (map[string]bool, error) {
	kept := make(map[string]bool, len(g.when))
	for grant, then := range g.when {
		now, err := g.identity(ctx, g.tables[grant])
		if err != nil {
			return nil, err
		}
		kept[grant] = now == then
	}
	return kept, nil
}

// identity tells a table from another one that has its name later.
func (g *given) identity(ctx context.Context, table string) (id int64, err error) {
	if err = g.place.session.QueryRowContext(ctx, "SELECT COALESCE(to_regclass($1)::oid::bigint, 0)", quoted(table)).Scan(&id); err != nil {
		err = fmt.Errorf("diff: dev database: %w", err)
	}
	return id, err
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
