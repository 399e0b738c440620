package migrate

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// place is where tables are: a schema of the home, or a database.
type place struct {
	tenant    tenancy.Tenant // with its placement, zero for the home's own tables
	directory *Directory
	db        *sql.DB
	own       bool   // db is the tenant's own, and has to be closed
	server    string // names the lane
	// schema is the schema or, on MySQL, the database. Empty for the one that the
	// connection is in.
	schema string
	// later says that who commits here does not wait for the disk, and that the
	// confirmer does.
	later bool
}

func (p *place) close() error {
	if p.own {
		return p.db.Close()
	}
	return nil
}

// home is the place of the home's own tables.
func (r *Runner) home() *place {
	p := &place{directory: r.config.Directory, db: r.config.Home, schema: r.config.HomeSchema}
	if r.config.Shared != nil {
		p.directory = r.config.Shared
	}
	return p
}

// placeOf says where a tenant is. It is nil for a tenant in shared tables.
func (r *Runner) placeOf(ctx context.Context, t tenancy.Tenant) (*place, error) {
	t, err := driver.Place(t, r.config.Place)
	if err != nil {
		return nil, err
	}
	p := &place{tenant: t, directory: r.config.Directory, db: r.config.Home, schema: t.Placement.Schema}
	switch {
	case t.Isolation == tenancy.IsolationShared || t.Isolation == tenancy.IsolationRLS:
		return nil, nil //nolint:nilnil // documented: shared tables are nobody's place
	case t.Isolation == tenancy.IsolationSchema && r.dialect() != dialect.SQLite:
		if strings.ContainsRune(p.schema, 0) || p.schema == r.config.HomeSchema {
			return nil, fmt.Errorf("migrate: %w: the schema of %s cannot be a tenant's", tenancy.ErrInvalidPlacement, t)
		}
		return p, nil
	}
	if r.config.Open == nil {
		return nil, fmt.Errorf("migrate: %w: %s has a database of its own, and Config.Open is missing", tenancy.ErrInvalidPlacement, t)
	}
	database, err := r.config.Open(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("migrate: opening the database of %s: %w", t, err)
	}
	if database.DB == nil {
		return nil, fmt.Errorf("migrate: %w: Config.Open returned no DB for %s", tenancy.ErrInvalidPlacement, t)
	}
	p.db, p.own, p.server, p.schema = database.DB, true, "database "+database.Server, r.config.HomeSchema
	return p, nil
}
