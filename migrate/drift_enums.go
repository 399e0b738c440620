package migrate

import (
	"fmt"
	"regexp"
)

var adding = regexp.MustCompile(`(?i)\bADD\s+VALUE\b`)

// addedIn is how many values files add to enums, or more.
func addedIn(files []pending) (n int) {
	for _, f := range files {
		n += len(adding.FindAll(f.Bytes(), -1))
	}
	return n
}

// Before the end of a transaction nothing can use a value that it adds to an enum, and
// a rehearsal has one transaction for all files. A value that an enum was made with can be
// used, also when it has another name by then. So an enum is made anew with values to
// spare, while nothing depends on it, and one of those gets the name of a value that is added.

// before is SQL for what to know before a statement.
func (r *rehearsal) before() string {
	if r.spares == 0 {
		return ""
	}
	return `DECLARE
  known oid[] := ARRAY(SELECT e.oid FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid
    WHERE t.typnamespace = ` + literal(r.schema) + `::regnamespace);
  spare text;
  made record;`
}

// after is SQL that makes usable what a statement has added to enums, and those that it
// has made ready for more.
func (r *rehearsal) after() string {
	if r.spares == 0 {
		return ""
	}
	return fmt.Sprintf(`
FOR made IN SELECT e.oid, e.enumtypid, e.enumlabel AS label, format('ALTER TYPE %%I.%%I RENAME VALUE ', %[1]s, t.typname) AS rename
  FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typnamespace = %[1]s::regnamespace AND e.oid <> ALL (known)
LOOP
  SELECT min(enumlabel) INTO spare FROM pg_enum WHERE enumtypid = made.enumtypid AND starts_with(enumlabel, %[2]s);
  CONTINUE WHEN spare IS NULL;
  EXECUTE made.rename || format('%%L TO %%L', made.label, 'tenancy_added_' || made.oid);
  EXECUTE made.rename || format('%%L TO %%L', spare, made.label);
END LOOP;
FOR made IN SELECT format('%%I.%%I', %[1]s, t.typname) AS name, string_agg(quote_literal(e.enumlabel) || ', ', '' ORDER BY e.enumsortorder) AS labels
  FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.typnamespace = %[1]s::regnamespace AND t.typtype = 'e'
  GROUP BY t.oid HAVING COALESCE(bool_and(NOT starts_with(e.enumlabel, %[2]s)), true)
LOOP
  BEGIN
    EXECUTE 'DROP TYPE ' || made.name;
    EXECUTE format('CREATE TYPE %%s AS ENUM (%%s %%s)', made.name, made.labels,
      (SELECT string_agg(quote_literal(%[2]s || i), ', ') FROM generate_series(1, %[3]d) i));
  EXCEPTION WHEN dependent_objects_still_exist THEN NULL;
  END;
END LOOP;`, literal(r.schema), literal("tenancy_spare_"), r.spares)
}
