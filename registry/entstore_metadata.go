package registry

import (
	"context"
	"encoding/json"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// MergeMetadata implements Store, with one statement that the database
// executes as a whole: nothing is read before and written after.
func (s *EntStore) MergeMetadata(ctx context.Context, id tenancy.ID, values map[string]any, remove ...string) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	patch, err := newMetadataPatch(values, remove)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	update := s.client.Tenant.Update().Where(s.hasID(id))
	touch(update, tenant.DefaultUpdatedAt()).Modify(func(u *entsql.UpdateBuilder) {
		u.Set(tenant.FieldMetadata, entsql.ExprFunc(patch.expression(s.driver.Dialect())))
	})
	changed, err := save(ctx, update)
	switch {
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "merging a tenant's metadata", err)
	case changed == 0:
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return s.ByID(ctx, id)
}

// metadataPatch is a change of metadata, as texts for a database.
type metadataPatch struct {
	put    string // an object: what is put in
	gone   string // the keys of put and of what is taken out, as a list
	absent string // the same keys, as an object of nulls
}

func newMetadataPatch(values map[string]any, remove []string) (metadataPatch, error) {
	put, err := encodeMetadata(values)
	if err != nil {
		return metadataPatch{}, err
	}
	gone, nulls := []string{}, map[string]any{}
	for key := range values {
		gone, nulls[key] = append(gone, key), nil
	}
	for _, key := range remove {
		gone, nulls[key] = append(gone, key), nil
	}
	absent, err := encodeMetadata(nulls)
	if err != nil {
		return metadataPatch{}, err
	}
	list, err := json.Marshal(gone)
	if err != nil {
		return metadataPatch{}, err
	}
	return metadataPatch{put: put, gone: string(list), absent: absent}, nil
}

// expression writes what the metadata becomes. The merging functions of the
// databases differ in what they do to objects and nulls inside of values.
// They agree where the two sides have no key in common, so the keys that are
// put in are first taken out.
func (p metadataPatch) expression(dialectName string) func(*entsql.Builder) {
	return func(b *entsql.Builder) {
		switch dialectName {
		case dialect.Postgres:
			b.WriteString("((CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}'::jsonb END)" +
				" - ARRAY(SELECT jsonb_array_elements_text(").Arg(p.gone).WriteString("::jsonb))) || ").Arg(p.put).WriteString("::jsonb")
		case dialect.MySQL:
			b.WriteString("JSON_MERGE_PRESERVE(JSON_MERGE_PATCH(CASE WHEN JSON_TYPE(metadata) = 'OBJECT' THEN metadata ELSE '{}' END, ").
				Arg(p.absent).WriteString("), ").Arg(p.put).WriteByte(')')
		default:
			p.splice(b)
		}
	}
}

// splice joins the texts of two objects without a common key. SQLite can merge
// objects only the way that drops nulls inside of values.
func (p metadataPatch) splice(b *entsql.Builder) {
	b.WriteString("(SELECT CASE WHEN kept = '{}' THEN ").Arg(p.put).
		WriteString(" WHEN ").Arg(p.put).WriteString(" = '{}' THEN kept ELSE substr(kept, 1, length(kept) - 1) || ',' || substr(").
		Arg(p.put).WriteString(", 2) END FROM (SELECT json_patch(CASE WHEN json_valid(metadata) AND json_type(metadata) = 'object'" +
		" THEN metadata ELSE '{}' END, ").Arg(p.absent).WriteString(") AS kept))")
}

// exactly is the condition that a column of MySQL has these very bytes.
func exactly(column, value string) predicate.Tenant {
	return func(s *entsql.Selector) {
		s.Where(entsql.P(func(b *entsql.Builder) {
			b.WriteString("CAST(").Ident(s.C(column)).WriteString(" AS BINARY) = CAST(").Arg(value).WriteString(" AS BINARY)")
		}))
	}
}
