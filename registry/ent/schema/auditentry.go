package schema

import (
	"strings"

	"entgo.io/ent"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"

	"github.com/entenancy/tenancy"
)

// auditTable is not "audit_entries", which an application may have for itself.
const auditTable = "tenancy_audit"

// AuditEntry is the row of one entry of package audit. None of its fields can
// be updated.
type AuditEntry struct{ ent.Schema }

// Annotations of the AuditEntry.
func (AuditEntry) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table(auditTable)}
}

// Fields of the AuditEntry. Empty is empty and never NULL. Entries outlive
// their tenants, so that there is no edge.
func (AuditEntry) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").MaxRuneLen(36).NotEmpty().Immutable(),
		field.Time("recorded_at").SchemaType(microseconds()).Immutable().Default(now),
		field.String("tenant_id").GoType(tenancy.ID("")).MaxRuneLen(255).Default("").Immutable(),
		field.String("principal").MaxRuneLen(255).Default("").Immutable(),
		field.String("action").MaxRuneLen(255).NotEmpty().Immutable(),
		field.String("resource").MaxRuneLen(255).NotEmpty().Immutable(),
		field.String("resource_id").MaxRuneLen(255).Default("").Immutable(),
		field.String("client_addr").MaxRuneLen(64).Default("").Immutable(),
		field.String("user_agent").MaxRuneLen(1024).Default("").Immutable(),
		field.String("reason").MaxRuneLen(1024).Default("").Immutable(),
		// JSON as text: databases differ in which JSON they take, and an entry must never be one that they do not.
		field.Text("metadata").DefaultFunc(func() string { return "{}" }).Immutable(),
	}
}

// Indexes of the AuditEntry: of a tenant's and of all, in the order of time.
func (AuditEntry) Indexes() []ent.Index {
	return []ent.Index{auditedBy("tenant_id", "recorded_at", "id"), auditedBy("recorded_at", "id")}
}

func auditedBy(fields ...string) ent.Index {
	return index.Fields(fields...).StorageKey(auditTable + "_" + strings.Join(fields, "_"))
}
