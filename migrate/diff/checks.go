package diff

import (
	"context"
	"fmt"

	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
)

// rereadChecks leaves out checks that differ in their text only. PostgreSQL prints some
// of them, such as those with IN, in another way when it has read what it has printed,
// as it has of a file. The tables of the place are the desired ones.
func (p *place) rereadChecks(ctx context.Context, m *atlas.ModifyTable) error {
	if p.dialect != dialect.Postgres {
		return nil
	}
	var kept []atlas.Change
	for _, change := range m.Changes {
		check, ok := change.(*atlas.ModifyCheck)
		if ok {
			printed, err := p.reread(ctx, m.T.Name, check.To.Expr)
			if err != nil {
				return err
			}
			if printed == check.From.Expr {
				continue
			}
		}
		kept = append(kept, change)
	}
	m.Changes = kept
	return nil
}

// reread returns what PostgreSQL prints for an expression that it has printed before.
func (p *place) reread(ctx context.Context, table, expression string) (printed string, err error) {
	const name = "tenancy_reread"
	alter := "ALTER TABLE " + quoted(table)
	if _, err := p.session.ExecContext(ctx, alter+" ADD CONSTRAINT "+name+" CHECK ("+expression+")"); err != nil {
		return "", fmt.Errorf("diff: dev database: %w", err)
	}
	const query = "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = to_regclass($1) AND conname = $2"
	if err := p.session.QueryRowContext(ctx, query, quoted(table), name).Scan(&printed); err != nil {
		return "", fmt.Errorf("diff: dev database: %w", err)
	}
	if _, err := p.session.ExecContext(ctx, alter+" DROP CONSTRAINT "+name); err != nil {
		return "", fmt.Errorf("diff: dev database: %w", err)
	}
	return printed, nil
}
