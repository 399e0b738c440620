package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// kin is a table through which rows of another one are reached by its own name, and
// held to its own policies: a partition or one that inherits, however deep, whose
// rows are the table's as well, or one that those or the table inherit from, whose
// queries show the table's.
type kin struct {
	oid             int64
	name            string // as SQL, qualified
	child           bool   // and not a parent
	partition       bool
	used, held      bool // by the role, which is held to its policies
	truncated, owns bool // by the role, which is or can become its owner
	cascades        bool // a foreign key deletes or changes its rows
	trigger         trigger
	function        string // as SQL; that of the table's trigger
}

func (k *kin) fields() []any {
	return append([]any{&k.oid, &k.name, &k.child, &k.partition, &k.used, &k.held, &k.truncated, &k.owns, &k.cascades, &k.function}, k.trigger.fields()...)
}

// relation is what the table is to another one.
func (k *kin) relation() string {
	if k.child {
		return "child"
	}
	return "parent"
}

// kin checks the table's.
func (v *verification) kin(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) error {
	all, err := kinOf(ctx, tx, t)
	if err != nil {
		return err
	}
	oids := make([]int64, 0, len(all))
	for _, k := range all {
		oids = append(oids, k.oid)
	}
	policies, err := v.policiesOf(ctx, tx, t, oids...)
	if err != nil {
		return err
	}
	for _, k := range all {
		open := slices.ContainsFunc(policies[k.oid], func(p policy) bool { return p.opens(t.Table) })
		if k.used && (!k.held || open) {
			v.problem("table %s: its policies do not apply to who names its %s %s, which the role may do: have it in a schema "+
				"without USAGE for the role, or REVOKE ALL ON %[3]s from it, from PUBLIC and from roles that it can become", t.name, k.relation(), k.name)
		}
		switch {
		case k.owns && k.held:
			v.hint(t, "", "the role is or can become the owner of its %s %s, and can switch row-level security off: serve with another role", k.relation(), k.name)
		case k.owns: // which is above
		case k.truncated:
			v.problem("table %s: the role may TRUNCATE its %s %s, past every policy: REVOKE TRUNCATE ON %[3]s from it, from PUBLIC and from roles that it can become",
				t.name, k.relation(), k.name)
		}
		v.kinTrigger(t, k)
	}
	return nil
}

// kinTrigger checks what holds cascades, which ask nobody's privileges.
func (v *verification) kinTrigger(t verifiedTable, k kin) {
	switch {
	case !k.child || !k.partition && !k.cascades || k.trigger.holds(t.Table):
	case k.partition:
		v.problem("table %s: the trigger %s, which keeps cascades from other tenants' rows, is altered or off in its child %s: ALTER TABLE %[3]s ENABLE TRIGGER %[2]s", t.name, triggerName, k.name)
	default:
		v.problem("table %s: the trigger %s, which keeps cascades from other tenants' rows, is missing, altered or off in its child %s: %s", t.name, triggerName, k.name, createTrigger(t.Table, k.name, k.function))
	}
}

func kinOf(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) (all []kin, err error) {
	err = query(ctx, tx, `
		WITH RECURSIVE `+become+`, child AS (
			SELECT $1::oid AS oid
			UNION SELECT i.inhrelid FROM pg_inherits i JOIN child ON child.oid = i.inhparent
		), parent AS (
			SELECT i.inhparent AS oid FROM pg_inherits i JOIN child ON child.oid = i.inhrelid
			UNION SELECT i.inhparent FROM pg_inherits i JOIN parent ON parent.oid = i.inhrelid
		)
		SELECT c.oid::bigint, quote_ident(n.nspname) || '.' || quote_ident(c.relname), c.oid IN (SELECT oid FROM child), c.relispartition,
			`+used+`,
			c.relrowsecurity AND (c.relforcerowsecurity OR NOT EXISTS (SELECT FROM become b WHERE pg_has_role(b.oid, c.relowner, 'USAGE'))),
			EXISTS (SELECT FROM become b WHERE has_schema_privilege(b.oid, n.oid, 'USAGE') AND has_table_privilege(b.oid, c.oid, 'TRUNCATE')),
			EXISTS (SELECT FROM become b WHERE pg_has_role(b.oid, c.relowner, 'USAGE')),
			EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND (k.confdeltype IN ('c', 'n', 'd') OR k.confupdtype IN ('c', 'n', 'd'))),
			(SELECT quote_ident(s.nspname) || '.`+triggerName+`' FROM pg_class own JOIN pg_namespace s ON s.oid = own.relnamespace WHERE own.oid = $1),
			`+triggerColumns+`
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace`+joinTrigger+`
		WHERE c.oid <> $1 AND c.oid IN (SELECT oid FROM child UNION SELECT oid FROM parent)
		ORDER BY 2`,
		func(rows *entsql.Rows) error {
			var k kin
			err := rows.Scan(k.fields()...)
			all = append(all, k)
			return err
		}, t.oid)
	return all, err
}

// become is a common table expression of the roles that the pool's is or can become
// by SET ROLE. Superusers may do anything, which is said once.
const become = `become AS MATERIALIZED (
	SELECT r.oid
	FROM pg_roles r, (SELECT bool_or(rolsuper) AS super FROM pg_roles WHERE rolname IN (current_user, session_user)) own
	WHERE NOT own.super AND NOT r.rolsuper AND (pg_has_role(r.oid, 'MEMBER') OR pg_has_role(session_user, r.oid, 'MEMBER'))
)`

// used is whether one of those may use a relation c of a schema n by name.
const used = `EXISTS (
	SELECT FROM become b WHERE has_schema_privilege(b.oid, n.oid, 'USAGE')
		AND (has_any_column_privilege(b.oid, c.oid, 'SELECT, INSERT, UPDATE') OR has_table_privilege(b.oid, c.oid, 'DELETE'))
)`

// policiesOf returns the policies of relations that hold rows of a table, by their
// oid, and notes them for the checks of who reads them as somebody else.
func (v *verification) policiesOf(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable, relations ...int64) (map[int64][]policy, error) {
	found := make(map[int64][]policy)
	v.relations = append(v.relations, relations...)
	err := eachPolicy(ctx, tx, relations, func(relation, oid int64, p policy) {
		if p.passes(t.Table) {
			v.opening = append(v.opening, oid)
		}
		found[relation] = append(found[relation], p)
	})
	return found, err
}

// eachPolicy hands on the policies of relations, with their oid.
func eachPolicy(ctx context.Context, tx dialect.ExecQuerier, relations []int64, each func(relation, oid int64, p policy)) error {
	return query(ctx, tx, "SELECT p.polrelid::bigint, p.oid::bigint, "+policyColumns+" FROM pg_policy p WHERE p.polrelid = ANY ($1::text::oid[]) ORDER BY p.polname",
		func(rows *entsql.Rows) error {
			var relation, oid int64
			var p policy
			err := rows.Scan(append([]any{&relation, &oid}, p.fields()...)...)
			if err == nil {
				each(relation, oid, p)
			}
			return err
		}, oidArray(relations))
}

// oidArray is an array as text, which every driver can send.
func oidArray(oids []int64) string {
	texts := make([]string, 0, len(oids))
	for _, oid := range oids {
		texts = append(texts, strconv.FormatInt(oid, 10))
	}
	return "{" + strings.Join(texts, ",") + "}"
}
