package diff

import (
	"context"
	"fmt"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// unqualified makes Atlas plan names without a schema.
func unqualified(o *migrate.PlanOptions) {
	none := ""
	o.SchemaQualifier = &none
}

// replay runs the files of a directory, from the last checkpoint on. It only tells of
// the statements that say who may do what.
func (p *place) replay(ctx context.Context, dir migrate.Dir, grant func(context.Context, string) error) error {
	files, err := migrate.FilesFromLastCheckpoint(dir)
	if err != nil {
		return fmt.Errorf("diff: reading the migrations: %w", err)
	}
	for _, file := range files {
		read, err := statements.Of(p.dialect, string(file.Bytes()))
		if err != nil {
			return fmt.Errorf("diff: %s: %w", file.Name(), err)
		}
		for _, statement := range read {
			if isGrant(statement.Text) {
				if err := grant(ctx, statement.Text); err != nil {
					return err
				}
				continue
			}
			if _, err := p.session.ExecContext(ctx, statement.Text); err != nil {
				return fmt.Errorf("diff: replaying %s: %w\n%s", file.Name(), err, statement.Text)
			}
		}
	}
	return nil
}

// inspect returns the tables that are in the place.
func (p *place) inspect(ctx context.Context) (*atlas.Schema, error) {
	found, err := p.atlas.InspectSchema(ctx, "", nil)
	if err != nil {
		return nil, fmt.Errorf("diff: inspecting the dev database: %w", err)
	}
	return found, nil
}

// made returns ent's tables as the database describes them once they are made,
// for a server has its own words for types, defaults and expressions.
func (p *place) made(ctx context.Context, tables []*entschema.Table) (*atlas.Schema, error) {
	if err := p.clear(ctx); err != nil {
		return nil, err
	}
	wanted, err := p.described(ctx, tables)
	if err != nil {
		return nil, err
	}
	empty, err := p.inspect(ctx)
	if err != nil {
		return nil, err
	}
	wanted.Name = empty.Name
	wanted.Attrs = empty.Attrs
	changes, err := p.atlas.SchemaDiff(empty, wanted)
	if err != nil {
		return nil, fmt.Errorf("diff: planning ent's tables: %w", err)
	}
	if err := p.atlas.ApplyChanges(ctx, changes, unqualified); err != nil {
		return nil, fmt.Errorf("diff: making ent's tables on the dev database: %w", err)
	}
	made, err := p.inspect(ctx)
	if err != nil {
		return nil, err
	}
	for i, table := range wanted.Tables { // in ent's order
		found, ok := made.Table(table.Name)
		if !ok {
			return nil, fmt.Errorf("diff: the table %q is not there after it was made", table.Name)
		}
		wanted.Tables[i] = found
	}
	made.Tables = wanted.Tables
	return made, nil
}

// described returns ent's tables in Atlas' words. ent sets tables up, and
// shortens their names, only when it is to create them; the hook is called in
// between.
func (p *place) described(ctx context.Context, tables []*entschema.Table) (*atlas.Schema, error) {
	var migration *entschema.Atlas
	var realm *atlas.Realm
	describe := func(entschema.Creator) entschema.Creator {
		return entschema.CreateFunc(func(ctx context.Context, tables ...*entschema.Table) (err error) {
			realm, err = migration.StateReader(tables...)(ctx)
			return err
		})
	}
	migration, err := entschema.NewMigrate(p.driver(), entschema.WithHooks(describe))
	if err == nil {
		err = migration.Create(ctx, tables...)
	}
	if err != nil {
		return nil, fmt.Errorf("diff: reading ent's tables: %w", err)
	}
	if len(realm.Schemas) == 0 {
		return atlas.New(""), nil
	}
	return realm.Schemas[0], nil
}
