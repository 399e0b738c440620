package postgres

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// Hint is something that [Verify] found and that is no danger by itself: most are
// of indexes that row-level security keeps PostgreSQL from using.
type Hint struct {
	// Table is the table's name as SQL, with its schema, empty for a hint about the role.
	Table string
	// Index is the index's name, empty for a hint about the table.
	Index string
	// Message says what it is and what to do.
	Message string
}

// String returns the hint on one line.
func (h Hint) String() string {
	switch {
	case h.Table == "":
		return h.Message
	case h.Index == "":
		return "table " + h.Table + ": " + h.Message
	}
	return "table " + h.Table + ": index " + quoteIdentifier(h.Index) + ": " + h.Message
}

func (v *verification) hint(t verifiedTable, index, format string, args ...any) {
	v.hints = append(v.hints, Hint{t.name, index, fmt.Sprintf(format, args...)})
}

// indexes looks for indexes that cannot serve a query of one tenant. A
// condition under row-level security is one of an index only if its operator
// is leakproof, that is tells nothing of a row that the policy hides.
func (v *verification) indexes(ctx context.Context, tx dialect.ExecQuerier) error {
	return v.each(func(t verifiedTable) error {
		return query(ctx, tx, `
			SELECT c.relname, i.indisunique, i.indexprs IS NOT NULL, coalesce(lead.attname = $2, false), coalesce((
				SELECT string_agg(a.attname, ', ' ORDER BY k.n)
				FROM unnest(i.indkey, i.indclass) WITH ORDINALITY k (column_number, class, n)
				JOIN pg_opclass o ON o.oid = k.class
				JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.column_number
				WHERE o.opcname LIKE '%pattern_ops' OR EXISTS (
					SELECT FROM pg_amop m JOIN pg_operator op ON op.oid = m.amopopr JOIN pg_proc f ON f.oid = op.oprcode
					WHERE m.amopfamily = o.opcfamily AND m.amoplefttype = o.opcintype AND m.amoppurpose = 's' AND m.amoprighttype = o.opcintype AND NOT f.proleakproof)
			), '')
			FROM pg_index i
			JOIN pg_class c ON c.oid = i.indexrelid
			LEFT JOIN pg_attribute lead ON lead.attrelid = i.indrelid AND lead.attnum = i.indkey[0]
			WHERE i.indrelid = $1 AND NOT i.indisprimary
			ORDER BY c.relname`,
			func(rows *entsql.Rows) error {
				var index, leaky string
				var unique, expressions, leads bool
				if err := rows.Scan(&index, &unique, &expressions, &leads, &leaky); err != nil {
					return err
				}
				switch {
				case unique && !leads:
					v.hint(t, index, "it is unique over all tenants, so that one can find out what another has: lead with %q unless that is meant", t.TenantColumn)
				case !leads:
					v.hint(t, index, "it does not lead with %q, which every query has", t.TenantColumn)
				}
				if leaky != "" {
					v.hint(t, index, "under row-level security it is not used for %s, whose operators are not leakproof", leaky)
				}
				if expressions {
					v.hint(t, index, "under row-level security it is not used for an expression unless its functions are leakproof")
				}
				return nil
			}, t.oid, t.TenantColumn)
	})
}
