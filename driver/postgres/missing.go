package postgres

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/schema"
)

// MissingPolicies returns the statements that bring the tables of the current
// schema, as far as they are there, behind row-level security as [Policies]
// would: none where they are. What was altered is dropped and made again. Names
// are not qualified, so that the statements can be a migration for any schema.
//
// It changes nothing, and needs no tenant in ctx.
func MissingPolicies(ctx context.Context, conn dialect.ExecQuerier, m schema.Metadata) ([]string, error) {
	states, err := protected(ctx, conn)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, t := range m.Tables {
		if state, ok := states[t.Name]; ok {
			state.name, state.function = quoteIdentifier(t.Name), triggerName
			missing = append(missing, state.missing(t)...)
		}
	}
	if len(missing) > 0 {
		missing = append([]string{createFunction(triggerName)}, missing...)
	}
	return missing, nil
}
