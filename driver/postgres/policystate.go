package postgres

import (
	"github.com/entenancy/tenancy/schema"
)

// policy is a policy as the catalog has it.
type policy struct {
	name           string
	permissive     bool
	command        string // "*" for all
	everybody      bool   // it is for PUBLIC
	reached        bool   // it is for a role that the current one is or can become
	applied        bool   // it is for the current role
	using, checked string // as PostgreSQL prints it, "" for none
}

// policyColumns is the columns that fill a policy, of pg_policy p.
const policyColumns = `coalesce(p.polname, ''), coalesce(p.polpermissive, false), coalesce(p.polcmd::text, ''),
	coalesce(0::oid = ANY (p.polroles), false),
	EXISTS (SELECT FROM unnest(p.polroles) r WHERE r <> 0 AND (pg_has_role(r, 'MEMBER') OR pg_has_role(session_user, r, 'MEMBER'))),
	EXISTS (SELECT FROM unnest(p.polroles) r WHERE r <> 0 AND pg_has_role(r, 'USAGE')),
	coalesce(pg_get_expr(p.polqual, p.polrelid), ''), coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '')`

func (p *policy) fields() []any {
	return []any{&p.name, &p.permissive, &p.command, &p.everybody, &p.reached, &p.applied, &p.using, &p.checked}
}

// isolates reports whether the policy is what a table needs: it shows a tenant
// its rows, whatever the command, and lets no others be written.
func (p *policy) isolates(t schema.Table) bool {
	return p.permissive && p.command == "*" && meansTenants(t, p.using) && (p.checked == "" || meansTenants(t, p.checked))
}

// opens reports whether the policy lets the current role, or one that it can
// become, through to what is not the tenant's.
func (p *policy) opens(t schema.Table) bool { return (p.everybody || p.reached) && p.passes(t) }

// passes reports whether the policy lets those whom it is for through to what is
// not the tenant's. Permissive policies add up; restrictive ones only take away.
func (p *policy) passes(t schema.Table) bool {
	harmless := func(expression string) bool { return expression == "" || meansTenants(t, expression) }
	return p.permissive && (!harmless(p.using) || !harmless(p.checked))
}
