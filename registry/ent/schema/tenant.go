package schema

import (
	"strings"
	"time"

	"entgo.io/ent"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	"entgo.io/ent/schema"
	"entgo.io/ent/schema/field"
	"entgo.io/ent/schema/index"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
)

// table is not "tenants", which an application may have for itself.
const table = "tenancy_tenants"

// Tenant is the row of one tenant.
type Tenant struct{ ent.Schema }

// Annotations of the Tenant.
func (Tenant) Annotations() []schema.Annotation {
	return []schema.Annotation{entsql.Table(table)}
}

// Fields of the Tenant. The validators hold for whoever writes with the
// generated client; package registry checks the same before it writes.
func (Tenant) Fields() []ent.Field {
	return []ent.Field{
		field.String("id").GoType(tenancy.ID("")).MaxRuneLen(255).Immutable().
			DefaultFunc(newID).
			Validate(func(s string) error { return tenancy.ID(s).Validate() }),
		field.String("identifier").MaxRuneLen(63).Unique().
			Validate(tenancy.ValidateIdentifier),
		field.String("name").MaxRuneLen(255).NotEmpty(),
		// The name as package registry folds it, which is the same on every database. Databases fold letters by their locale, if at all.
		field.String("search_name").MaxRuneLen(255).Default(""),
		field.String("status").GoType(tenancy.Status("")).MaxRuneLen(32).
			Default(string(tenancy.StatusProvisioning)).
			Validate(func(s string) error { return tenancy.Status(s).Validate() }),
		field.String("isolation").GoType(tenancy.Isolation("")).MaxRuneLen(32).Optional().
			Validate(func(s string) error { return tenancy.Isolation(s).Validate() }),
		field.String("schema_name").MaxRuneLen(63).Optional(),
		field.Text("database_url").Optional().Sensitive(),
		metadataField(),
		field.String("plan").MaxRuneLen(255).Optional(),
		field.Int64("version").Default(1).Positive(),
		field.Time("created_at").SchemaType(microseconds()).Immutable().Default(now),
		field.Time("updated_at").SchemaType(microseconds()).Default(now).UpdateDefault(now),
		field.Time("deleted_at").SchemaType(microseconds()).Optional().Nillable(),
	}
}

// Indexes of the Tenant: one for each order and filter that tenants are listed
// by. They are named after the table, because PostgreSQL shares index names
// between the tables of a schema and an application may have a Tenant of its
// own. The migrations add the trigrams to search by, which ent cannot describe.
func (Tenant) Indexes() []ent.Index {
	return []ent.Index{
		listedBy("status", "id"), listedBy("status", "created_at", "id"),
		listedBy("plan", "id"), listedBy("plan", "created_at", "id"),
		listedBy("isolation", "id"), listedBy("isolation", "created_at", "id"),
		listedBy("created_at", "id"),
		listedBy("search_name"),
	}
}

func listedBy(fields ...string) ent.Index {
	return index.Fields(fields...).StorageKey(table + "_" + strings.Join(fields, "_"))
}

// metadataField is JSON for the database and text for ent, which fails a whole
// query when it cannot decode the JSON of one row. Package registry decodes it.
func metadataField() ent.Field {
	return field.Text("metadata").Sensitive().
		DefaultFunc(func() string { return "{}" }).
		SchemaType(map[string]string{
			dialect.Postgres: "jsonb",
			dialect.MySQL:    "json",
			dialect.SQLite:   "json",
		})
}

// microseconds is the type of a time column. What ent would take on MySQL
// drops fractions of a second and ends in 2038.
func microseconds() map[string]string {
	return map[string]string{dialect.MySQL: "datetime(6)"}
}

// now is cut to what every database keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newID returns ids that sort by the time they were made at.
func newID() tenancy.ID { return tenancy.ID(uuid.Must(uuid.NewV7()).String()) }
