package postgres

import (
	"context"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/schema"
)

// tableState is how far a table is behind row-level security.
type tableState struct {
	name, function  string // as SQL; that of the trigger
	enabled, forced bool
	policy          *policy // of this package's name
	trigger         trigger
}

// missing is what a table lacks, as statements.
func (s tableState) missing(t schema.Table) []string {
	var statements []string
	all := protection(t, s.name, s.function)
	if !s.enabled {
		statements = append(statements, all[0])
	}
	if !s.forced {
		statements = append(statements, all[1])
	}
	switch {
	case s.policy == nil:
		statements = append(statements, all[2])
	case !s.policy.isolates(t) || !s.policy.everybody:
		statements = append(statements, dropPolicy(s.name), all[2])
	}
	if !s.trigger.holds(t) {
		statements = append(statements, all[3])
	}
	return statements
}

// protected returns the state of each table of the current schema.
func protected(ctx context.Context, tx dialect.ExecQuerier) (map[string]tableState, error) {
	states := make(map[string]tableState)
	err := query(ctx, tx, `
		SELECT c.relname, quote_ident(n.nspname) || '.' || quote_ident(c.relname), quote_ident(n.nspname) || '.`+triggerName+`', c.relrowsecurity, c.relforcerowsecurity, p.oid IS NOT NULL,
			`+triggerColumns+`, `+policyColumns+`
		FROM pg_catalog.pg_class c
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		LEFT JOIN pg_catalog.pg_policy p ON p.polrelid = c.oid AND p.polname = '`+PolicyName+`'
		`+joinTrigger+`
		WHERE n.nspname = current_schema() AND c.relkind IN ('r', 'p')`,
		func(rows *entsql.Rows) error {
			var table string
			var s tableState
			var has bool
			var p policy
			err := rows.Scan(slices.Concat([]any{&table, &s.name, &s.function, &s.enabled, &s.forced, &has}, s.trigger.fields(), p.fields())...)
			if has {
				s.policy = &p
			}
			states[table] = s
			return err
		})
	return states, err
}
