package namespace

import (
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
)

// codeDependants says that others depend on what is in a schema. The message names them.
const codeDependants = "TNDEP"

// shownDependants is how many are named.
const shownDependants = 5

// refuseDependants is PL/pgSQL that raises where DROP SCHEMA … CASCADE would drop
// or change what is in another schema, or in none: a column of a type of this one,
// a view, a constraint that uses an operator of an extension in it.
//
// It goes the way of CASCADE, over pg_depend, as far as things are the schema's own:
// those in it, the inner parts of these wherever they are, such as TOAST tables
// with their indexes and the triggers of foreign keys, and what is in no schema and goes with one of
// them, such as casts. What it meets first that is not is what it names.
func refuseDependants(schema string) string {
	return fmt.Sprintf(`WITH RECURSIVE own AS (
	SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid, 0 AS objsubid FROM pg_namespace WHERE nspname = %[1]s
UNION
	SELECT d.classid, d.objid, d.objsubid %[2]s WHERE %[3]s
), others AS (
	SELECT DISTINCT ON (d.classid, d.objid, d.objsubid) pg_describe_object(d.classid, d.objid, d.objsubid) || ' depends on ' ||
		pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid) || COALESCE(' of ' || (
			SELECT pg_describe_object(e.refclassid, e.refobjid, 0) FROM pg_depend e WHERE e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
		), '') AS said
	%[2]s WHERE NOT %[3]s AND NOT EXISTS (SELECT FROM own o WHERE (o.classid, o.objid, o.objsubid) = (d.classid, d.objid, d.objsubid))
) SELECT string_agg(said, '; ' ORDER BY n) FILTER (WHERE n <= %[4]d) || COALESCE('; and ' || NULLIF(GREATEST(count(*) - %[4]d, 0), 0) || ' more', '')
	INTO dependants FROM (SELECT said, row_number() OVER (ORDER BY said) AS n FROM others) numbered;
IF dependants IS NOT NULL THEN RAISE EXCEPTION '%%', dependants USING ERRCODE = '%[5]s'; END IF;
`, literal(schema), dependants, fmt.Sprintf(belongs, literal(schema)), shownDependants, codeDependants)
}

// dependants finds what depends on one of own, and where that is: a trigger is
// where its table is. What depends on a column depends on a table too.
const dependants = `FROM own JOIN pg_depend d ON d.refclassid = own.classid AND d.refobjid = own.objid AND (own.objsubid = 0 OR d.refobjsubid = own.objsubid)
	CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, d.objsubid) AS it
	CROSS JOIN LATERAL (SELECT CASE
		WHEN it.type IN ('trigger', 'rule', 'policy', 'default value') THEN (pg_identify_object_as_address(d.classid, d.objid, d.objsubid)).object_names[1]
		WHEN it.type = 'extension' THEN (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.oid = d.objid)
		ELSE (parse_ident(it.schema))[1] END AS schema) AS home`

// belongs is the condition that one of dependants is the schema's own, or a session's
// temporary one.
const belongs = `(d.deptype = 'i' OR home.schema IN (%s, 'pg_toast') OR home.schema LIKE 'pg\_temp\_%%' OR home.schema IS NULL AND (d.deptype IN ('a', 'e')
	OR d.classid IN ('pg_cast'::regclass, 'pg_amop'::regclass, 'pg_amproc'::regclass, 'pg_transform'::regclass)))`

// withDependants says what is to be done about what refuseDependants has raised,
// and passes any other error on.
func withDependants(schema string, err error) error {
	var raised *pgconn.PgError
	if !errors.As(err, &raised) || raised.Code != codeDependants {
		return err
	}
	return fmt.Errorf("%w: to drop the schema %q would drop or change what is not in it, so nothing was done: %s; "+
		"drop that first, or move what it depends on out of the schema, an extension by ALTER EXTENSION … SET SCHEMA as a superuser",
		tenancy.ErrCrossTenant, schema, raised.Message)
}
