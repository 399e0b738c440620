package diff

import (
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/schema"
)

// The directories below [Config].Dir.
const (
	TenantDir = migrate.TenantDir // of a tenant's own schema or database: the tables that hold rows of tenants
	SharedDir = migrate.SharedDir // of the home: those, and the tables of global entities
)

// ErrBehind means that [Check] found files that do not lead to ent's schema.
var ErrBehind = errors.New("diff: a migration is missing")

// Config says what is compared, and where the files are.
type Config struct {
	// Dir has the directories of files; they are made when needed. Required.
	Dir string
	// Dialect is dialect.Postgres, dialect.MySQL (also for MariaDB) or dialect.SQLite. Required.
	Dialect string
	// Dev is a database to try things in, of the kind and version that is
	// migrated, and not the one that holds data. It is a plain one: not by
	// postgres.NewConnector. On SQLite it has to be empty. Required.
	Dev *sql.DB
	// Tables and Tenancy are of the generated client, migrate.Tables and
	// migrate.Tenancy. Required.
	Tables  []*entschema.Table
	Tenancy schema.Metadata
	// Roles may read and write rows of the tables, on PostgreSQL. They need
	// USAGE of the schema too, which a file for any schema cannot give.
	// Defaults to none, for default privileges or grants elsewhere.
	Roles []string
	// GlobalFile is for SQLite where tenants have files of their own: SharedDir
	// then is of the file of the global tables, which holds no others.
	GlobalFile bool
}

func (c Config) validate() error {
	switch {
	case c.Dir == "":
		return errors.New("diff: Config.Dir is empty: name the directory of the migrations")
	case c.Dialect != dialect.Postgres && c.Dialect != dialect.MySQL && c.Dialect != dialect.SQLite:
		return fmt.Errorf("diff: Config.Dialect is %q: it has to be %s, %s or %s", c.Dialect, dialect.Postgres, dialect.MySQL, dialect.SQLite)
	case c.Dev == nil:
		return errors.New("diff: Config.Dev is nil: open a database to try things in")
	case len(c.Tables) == 0:
		return errors.New("diff: Config.Tables is empty: pass migrate.Tables of the generated client")
	case len(c.Tenancy.Tables) == 0:
		return errors.New("diff: Config.Tenancy is empty: pass migrate.Tenancy of the generated client")
	case c.GlobalFile && c.Dialect != dialect.SQLite:
		return errors.New("diff: Config.GlobalFile is for SQLite: on other databases the home holds all tables")
	case len(c.Roles) > 0 && c.Dialect != dialect.Postgres:
		return errors.New("diff: Config.Roles is for PostgreSQL: grant by other means")
	}
	return nil
}
