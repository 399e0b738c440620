package migrate

import (
	"context"
	"database/sql"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/entenancy/tenancy/internal/pgerror"
)

// wording is what a description of a schema says of columns and indexes besides the rest.
type wording struct{ column, index string }

// definitions are what a reader wants to see.
func definitions() wording {
	return wording{column: `COALESCE((SELECT ' collate ' || quote_ident(l.collname) FROM pg_collation l JOIN pg_type t ON t.oid = a.atttypid
    WHERE l.oid = a.attcollation AND l.oid <> t.typcollation), '')`, index: "pg_get_indexdef(i.indexrelid)"}
}

// brief says the same of an index in the catalogs' own terms, for a fingerprint: the
// server takes ten times as long to write a definition. The terms mean the same in one
// database only. An index has the numbers of its columns, and leaves out a collation
// that is the column's, so those are told too. Its operator classes say its method,
// and how many of its columns are keys.
func brief(nullsNotDistinct string) wording {
	return wording{column: "concat_ws(' ', '', a.attnum, a.attcollation)", index: `CASE
    WHEN i.indexprs IS NULL AND i.indpred IS NULL
      AND NOT EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = i.indexrelid AND o.attoptions IS NOT NULL)
    THEN concat_ws(' ', x.relname, x.relkind, c.relname, i.indisunique, ` + nullsNotDistinct + `,
      i.indkey, i.indclass, i.indcollation, i.indoption, x.reloptions)
    ELSE pg_get_indexdef(i.indexrelid) END`}
}

// thingsIn names all things in the schemas $1: by a label of its own, and as the
// server writes them. There is no index by schema, so the tables are looked for once.
// Left out is what this library and the migrations' tool have for themselves.
func thingsIn(w wording) string {
	return `
WITH c AS MATERIALIZED (
  SELECT c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relpartbound, n.nspname AS schema
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm')
    AND c.relname <> '` + revisionsTable + `' AND c.relname NOT LIKE ` + ownTables + `
), things AS (
  SELECT schema, relname AS "of", 'column ' || relname || '.' || a.attname || ' ' AS label, format_type(a.atttypid, a.atttypmod) ||
    CASE WHEN a.attnotnull THEN ' not null' ELSE '' END || COALESCE(' default ' || pg_get_expr(d.adbin, d.adrelid), '') ||
    CASE a.attidentity WHEN '' THEN '' WHEN 'a' THEN ' identity always' ELSE ' identity by default' END ||
    CASE a.attgenerated WHEN '' THEN '' WHEN 's' THEN ' stored' ELSE ' virtual' END || ` + w.column + ` AS text
  FROM c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  UNION ALL
  SELECT schema, c.relname, 'index ', ` + w.index + ` || CASE WHEN i.indisvalid THEN '' ELSE ' invalid' END
  FROM c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
  UNION ALL
  SELECT schema, relname, 'constraint ' || relname || '.' || o.conname || ' ', pg_get_constraintdef(o.oid) || CASE
    WHEN o.contype = 'f' AND EXISTS (SELECT FROM pg_trigger t WHERE t.tgconstraint = o.oid AND t.tgenabled <> 'O') THEN ' disabled' ELSE '' END
  FROM c JOIN pg_constraint o ON o.conrelid = c.oid
  UNION ALL
  SELECT schema, relname, 'trigger ', pg_get_triggerdef(t.oid) || ' body ' || left(` + sqlHashOf("f.prosrc") + `, 16) ||
    CASE t.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' disabled' WHEN 'A' THEN ' always' ELSE ' replica' END
  FROM c JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal JOIN pg_proc f ON f.oid = t.tgfoid
  UNION ALL
  SELECT schema, relname, 'row-level security ' || relname, CASE WHEN relforcerowsecurity THEN ' forced' ELSE '' END
  FROM c WHERE relrowsecurity
  UNION ALL
  SELECT schema, relname, 'policy ' || relname || '.' || p.polname || ' ' || p.polcmd::text || CASE WHEN p.polpermissive THEN '' ELSE ' restrictive' END || CASE
    WHEN 0 = ANY (p.polroles) THEN ''
    ELSE ' to ' || (SELECT string_agg(pg_get_userbyid(r), ', ' ORDER BY pg_get_userbyid(r) COLLATE "C") FROM unnest(p.polroles) r) END,
    COALESCE(' using ' || pg_get_expr(p.polqual, p.polrelid), '') || COALESCE(' with check ' || pg_get_expr(p.polwithcheck, p.polrelid), '')
  FROM c JOIN pg_policy p ON p.polrelid = c.oid
  UNION ALL
  SELECT schema, relname, 'inherits ' || relname || ' ', i.inhparent::regclass::text || COALESCE(' ' || pg_get_expr(c.relpartbound, c.oid), '')
  FROM c JOIN pg_inherits i ON i.inhrelid = c.oid
)`
}

// withoutSchema is SQL for the text of a thing without the name of its schema, for a
// fingerprint. Where the schema is called like a table, or like the end of its name,
// this cuts the table's name before a column too: then the definitions decide.
const withoutSchema = `replace(replace(text, quote_ident(schema) || '.', ''), '''' || schema || '.', '''')`

// thing is one of a schema: the table that it is of, a label in which no schema is named,
// and what the server says of it, which names the schema before everything in it.
type thing struct{ table, label, text string }

// contents are all things in a schema.
type contents struct {
	schema   string // as SQL, empty where there is no thing
	things   []thing
	detached map[string]bool // tables whose checks are not compared
}

// contentsOf reads them.
func contentsOf(ctx context.Context, tx *sql.Tx, schema string) (found contents, err error) {
	if err := qualified(ctx, tx); err != nil {
		return found, err
	}
	rows, err := tx.QueryContext(ctx, thingsIn(definitions())+` SELECT quote_ident(schema), "of", label, text FROM things`, []string{schema})
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t thing
		if err := rows.Scan(&found.schema, &t.table, &t.label, &t.text); err != nil {
			return found, err
		}
		found.things = append(found.things, t)
	}
	return found, rows.Err()
}

// moved are the contents as they were in another schema. This one's name must be like no other.
func (c contents) moved(schema string) contents {
	names := strings.NewReplacer("'"+c.schema+".", "'"+strings.ReplaceAll(schema, "'", "''")+".", c.schema+".", schema+".")
	there := contents{schema: schema, things: make([]thing, 0, len(c.things))}
	for _, t := range c.things {
		there.things = append(there.things, thing{t.table, t.label, names.Replace(t.text)})
	}
	return there
}

// of leaves out the tables that others do not have.
func (c contents) of(others contents) contents {
	tables := make(map[string]bool, len(others.things))
	for _, t := range others.things {
		tables[t.table] = true
	}
	some := contents{schema: c.schema}
	for _, t := range c.things {
		if tables[t.table] {
			some.things = append(some.things, t)
		}
	}
	return some
}

// against tells how contents differ from these, which are wanted.
func (c contents) against(has contents) Drift {
	unchecked := func(t thing) bool {
		return c.detached[t.table] && strings.HasPrefix(t.label, "constraint ") && strings.HasPrefix(t.text, "CHECK ")
	}
	want := c.moved(has.schema)
	want.things, has.things = slices.DeleteFunc(want.things, unchecked), slices.DeleteFunc(has.things, unchecked)
	return Drift{Missing: want.without(has), Extra: has.without(want)}
}

// without tells what is in these contents and not in others of the same schema, whose name it leaves out.
func (c contents) without(others contents) []string {
	known := make(map[thing]bool, len(others.things))
	for _, t := range others.things {
		known[t] = true
	}
	qualifier := regexp.MustCompile(`(^|[^\pL\pN_$"])` + regexp.QuoteMeta(c.schema+"."))
	var rest []string
	for _, t := range c.things {
		if !known[t] {
			rest = append(rest, t.label+qualifier.ReplaceAllString(t.text, "$1"))
		}
	}
	slices.Sort(rest)
	return rest
}

// contentsIn is contentsOf in a transaction of its own.
func contentsIn(ctx context.Context, db *sql.DB, schema string) (contents, error) {
	return readOnly(ctx, db, func(tx *sql.Tx) (contents, error) { return contentsOf(ctx, tx, schema) })
}

// fingerprintsOf is fingerprints in a transaction of its own.
func fingerprintsOf(ctx context.Context, db *sql.DB, schemas []string) (map[string]string, error) {
	return readOnly(ctx, db, func(tx *sql.Tx) (map[string]string, error) { return fingerprints(ctx, tx, schemas) })
}

func readOnly[T any](ctx context.Context, db *sql.DB, read func(*sql.Tx) (T, error)) (found T, err error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return found, pgerror.WithoutConfig(err)
	}
	defer func() { err = errors.Join(err, tx.Rollback()) }()
	return read(tx)
}

// qualified has the server name the schema of everything that is not its own in this
// transaction. It does not compile the queries either: it would where it guesses that
// much will come, and that takes longer than the answer.
func qualified(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, "SELECT set_config('search_path', 'pg_catalog', true), set_config('jit', 'off', true)")
	return err
}

// fingerprints of schemas of one database are the same only where all things are.
// Where they are not, the definitions decide.
func fingerprints(ctx context.Context, tx *sql.Tx, schemas []string) (_ map[string]string, err error) {
	if err := qualified(ctx, tx); err != nil {
		return nil, err
	}
	nullsNotDistinct, err := nullsNotDistinct(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, thingsIn(brief(nullsNotDistinct))+
		`, plain AS (SELECT schema, label || `+withoutSchema+` AS thing FROM things)
		SELECT schema, `+sqlHashOf(`string_agg(thing, E'\n' ORDER BY thing COLLATE "C")`)+` FROM plain GROUP BY schema`, schemas)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	prints := map[string]string{}
	for rows.Next() {
		var schema, sum string
		if err := rows.Scan(&schema, &sum); err != nil {
			return nil, err
		}
		prints[schema] = sum
	}
	return prints, rows.Err()
}

// nullsNotDistinct is SQL for what PostgreSQL has since its version 15.
func nullsNotDistinct(ctx context.Context, q querier) (string, error) {
	var since bool
	query := "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'pg_index'::regclass AND attname = 'indnullsnotdistinct')"
	if err := scanOne(ctx, q, query, &since); err != nil || !since {
		return "false", err
	}
	return "i.indnullsnotdistinct", nil
}

// sqlHashOf is the fingerprint of an expression on PostgreSQL. Not MD5: a server that
// keeps to FIPS 140 has none.
func sqlHashOf(expression string) string {
	return "encode(sha256(convert_to(" + expression + ", 'UTF8')), 'hex')"
}
